# The daemons' own files as they were, byte for byte, so that undo gives them back. An adapter calls
# `keep` for each file before mark_adopting, `rewrite` after it, and `give_back` in its undo.
#
#   adoption/DAEMON.kept/files     a line `N FILE` for each file; FILE has no link in it
#   adoption/DAEMON.kept/N.before  the file before adoption; missing if there was none
#   adoption/DAEMON.kept/N.wrote   the file as adoption wrote it

# keep DAEMON FILE: copies the file as it is now. False if that cannot be done.
keep() {
  kept=$adoption/$1.kept
  kept_file=$(readlink -f "$2") || kept_file=$2
  mkdir -p "$kept" && touch "$kept/files" || return 1
  [ -z "$(kept_number "$1" "$kept_file")" ] || return 0
  kept_n=$(($(wc -l <"$kept/files") + 1))
  if [ -e "$kept_file" ]; then cp -a "$kept_file" "$kept/$kept_n.before" || return 1; fi
  echo "$kept_n $kept_file" >>"$kept/files"
}

# kept_number DAEMON FILE: prints the number of the file, or nothing if it was not kept.
kept_number() { awk -v file="$2" '{ n = $1; sub(/^[0-9]+ /, "") } $0 == file { print n }' "$adoption/$1.kept/files"; }

# rewrite DAEMON FILE TEXT: FILE, which was kept, gets the content of the file TEXT. What is written
# is noted first: undo tells a person's later lines from ours by that.
rewrite() {
  kept_file=$(readlink -f "$2") || kept_file=$2
  kept_n=$(kept_number "$1" "$kept_file")
  [ -n "$kept_n" ] || return 1
  cat "$3" >"$adoption/$1.kept/$kept_n.wrote" && sync "$adoption/$1.kept/$kept_n.wrote" &&
    replace "$3" "$kept_file"
}

# replace TEXT FILE: FILE gets the content of TEXT by one rename. Owner and mode of FILE stay; a new
# file may be read by everybody. The name beside it begins with a dot, because daemons include whole
# directories.
replace() {
  beside=${2%/*}/.${2##*/}.sealpost
  rm -f "$beside"
  if [ -e "$2" ]; then cp -a "$2" "$beside"; else : >"$beside" && chmod 0644 "$beside"; fi &&
    cat "$1" >"$beside" && sync "$beside" && mv -f "$beside" "$2"
}

# give_back DAEMON: each file is again as it was before adoption. Where a person has edited a file
# since, our lines go, the person's lines stay, and a line `kept FILE: …` is printed.
give_back() {
  [ -e "$adoption/$1.kept/files" ] || return 0
  while read -r kept_n kept_file; do
    kept=$adoption/$1.kept/$kept_n
    [ -e "$kept.wrote" ] || continue
    if [ ! -e "$kept_file" ]; then
      [ ! -e "$kept.before" ] || echo "kept $kept_file: it was removed after adoption, and is not brought back"
    elif [ -e "$kept.before" ] && cmp -s "$kept.before" "$kept_file"; then
      continue
    elif cmp -s "$kept.wrote" "$kept_file"; then
      if [ -e "$kept.before" ]; then replace "$kept.before" "$kept_file"; else rm -f "$kept_file"; fi
    else
      without_ours "$kept" "$kept_file" >"$run/given"
      if [ -s "$run/given" ] || [ -e "$kept.before" ]; then
        replace "$run/given" "$kept_file"
        echo "kept $kept_file: what was changed in it after adoption stays"
      else
        rm -f "$kept_file"
      fi
    fi
  done <"$adoption/$1.kept/files"
  rm -rf "$adoption/$1.kept"
}

# without_ours KEPT FILE: prints FILE without the lines that adoption wrote and with the lines that
# adoption took out. A line of ours that a person has changed is the person's: it stays, and the
# line that it replaced does not return.
without_ours() {
  kept_before=$1.before
  [ -e "$kept_before" ] || kept_before=/dev/null
  diff "$kept_before" "$1.wrote" >"$run/ours.diff" || :
  diff "$1.wrote" "$2" >"$run/theirs.diff" || :
  awk '
    # `12,14c13,15`: sets op, and the first and last line of each side.
    function head(text, side) {
      op = text
      gsub(/[0-9,]/, "", op)
      split(text, side, /[acd]/)
      split(side[1] "," side[1], left, ",")
      split(side[2] "," side[2], right, ",")
    }
    function here(line) {
      printf "%s", theirs[line]
      if (line in removed) printf "%s", back[removed[line]]
    }
    step == 1 && /^[0-9]/ {
      head($0)
      hunk++
      if (op == "d") removed[right[1]] = hunk
      else for (i = right[1] + 0; i <= right[2]; i++) ours[i] = hunk
    }
    step == 1 && /^< / { back[hunk] = back[hunk] substr($0, 3) "\n" }
    step == 2 && /^[0-9]/ {
      head($0)
      if (op != "a") for (i = left[1] + 0; i <= left[2]; i++) lost[i] = 1
      at = left[2]
    }
    step == 2 && /^> / { theirs[at] = theirs[at] substr($0, 3) "\n" }
    step == 3 {
      if (!begun++) here(0)
      if (!(FNR in lost)) {
        if (!(FNR in ours)) print
        else if (!put[ours[FNR]]++) printf "%s", back[ours[FNR]]
      }
      here(FNR)
    }
    # What adoption wrote may be an empty file.
    END { if (!begun) here(0) }' step=1 "$run/ours.diff" step=2 "$run/theirs.diff" step=3 "$1.wrote"
}
