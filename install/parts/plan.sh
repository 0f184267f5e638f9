# The plan of an adapter (X_plan): the exact lines that adoption takes out and puts in.
#
#   FILE:LINE - TEXT   the line goes; LINE is its number in the file as it is now
#   FILE:LINE + TEXT   this line comes, after LINE; 0 is the top of the file
#   costs TEXT         what adoption costs

# as_planned PLAN FILE: prints FILE with the lines of the plan. False if a line that goes is not
# there any more.
as_planned() {
  planned=$2
  [ -e "$planned" ] || planned=/dev/null
  awk -v file="$2:" '
    NR == FNR {
      if (index($0, file) != 1) next
      text = substr($0, length(file) + 1)
      line = text + 0
      sub(/^[0-9]+ /, "", text)
      if (sub(/^- /, "", text)) gone[line] = text "."
      else put[line] = put[line] substr(text, 3) "\n"
      next
    }
    FNR == 1 { printf "%s", put[0]; put[0] = "" }
    FNR in gone { if (gone[FNR] != $0 ".") { wrong = 1; exit } }
    !(FNR in gone) { print }
    { printf "%s", put[FNR]; put[FNR] = "" }
    END {
      for (line in put) if (put[line] != "") { if (line > 0) wrong = 1; else printf "%s", put[line] }
      exit wrong
    }' "$1" "$planned"
}

# copy_tree FROM TO: a copy for a test. A link becomes the file behind it: what is written into the
# copy never reaches that file.
copy_tree() { cp -aL "$1" "$2" 2>/dev/null || :; }
