# How the adapter for nginx reads: `nginx -T` names the files that nginx reads, and this reader
# follows their includes, quotes and comments as nginx does. So each directive is known by its
# block, file, line and column, and adoption changes only the letters that it means.

# Writes $run/nginx.read, in the order in which nginx reads. Fields are separated by tabs:
#   open ID PARENT NAME FILE LINE COLUMN    a block; its brace is at LINE and COLUMN
#   close ID FILE LINE
#   set ID NAME FILE LINE COLUMN LENGTH VALUE…    in the block ID; LINE, COLUMN and LENGTH are
#                                                 those of the last word, as it is written
# The block 0 is that around all. FILE has no link in it.
nginx_read() {
  nginx -T 2>/dev/null | sed -n 's/^# configuration file \(.*\):$/\1/p' | awk '!seen[$0]++' | while read -r file; do
    printf '%s\t%s\n' "$file" "$(readlink -f "$file")"
  done >"$run/nginx.files"
  awk -F '\t' '
    { path[++files] = $1; real[$1] = $2 }
    END {
      directory = path[1]; sub(/[^\/]*$/, "", directory)
      OFS = "\t"
      parse(path[1])
    }
    function parse(file,   n, i, k, rest, column, long, at, text) {
      while ((getline text < file) > 0) line[file, ++n] = text
      close(file)
      for (i = 1; i <= n; i++) {
        rest = line[file, i]
        for (column = 1; rest != ""; column += long) {
          long = length(rest)
          if (quote != "") long = quoted(rest, file, i, column)
          else if (match(rest, /^[ \t\r]+/)) long = RLENGTH
          else if (rest ~ /^#/) break
          else if (rest ~ /^;/) { long = 1; directive(file) }
          else if (rest ~ /^[{]/) { long = 1; open_block(file, i, column) }
          else if (rest ~ /^}/) { long = 1; print "close", id[depth], real[file], i; depth-- }
          else if (rest ~ /^["\047]/) {
            quote = substr(rest, 1, 1)
            words++
            word[words] = ""; at_line[words] = i; at_column[words] = column; at_length[words] = 0
            long = 1 + quoted(substr(rest, 2), file, i, column + 1)
            at_length[words]++
          }
          else {
            match(rest, /^(\\.|[$][{]|[$]|[^ \t\r;{\\$])+/)
            if (RLENGTH < 1) RLENGTH = 1
            long = RLENGTH
            words++
            word[words] = substr(rest, 1, long); at_line[words] = i; at_column[words] = column; at_length[words] = long
            if (word[words] ~ /\\/) word[words] = unescaped(word[words])
          }
          rest = substr(rest, long + 1)
        }
        if (quote != "") word[words] = word[words] " "
      }
    }
    # Reads on in the quoted word; returns how many letters it took.
    function quoted(text, file, i, column,   k, letter) {
      for (k = 1; k <= length(text); k++) {
        letter = substr(text, k, 1)
        if (letter == "\\") { word[words] = word[words] escaped(substr(text, ++k, 1)); continue }
        if (letter == quote) { quote = ""; break }
        word[words] = word[words] letter
      }
      if (k > length(text)) k = length(text)
      at_length[words] += k
      return k
    }
    # A backslash stands for nothing before a quote or a backslash only.
    function escaped(letter) { return (letter ~ /["\047\\]/ ? "" : "\\") letter }
    function unescaped(text,   k, out, letter) {
      for (k = 1; k <= length(text); k++) {
        letter = substr(text, k, 1)
        out = out (letter == "\\" ? escaped(substr(text, ++k, 1)) : letter)
      }
      return out
    }
    function open_block(file, i, column) {
      depth++
      id[depth] = ++ids
      gsub(/\t/, " ", word[1])
      print "open", ids, id[depth - 1] + 0, word[1], real[file], i, column
      words = 0
    }
    function directive(file,   k, value, pattern) {
      value = word[2]
      for (k = 3; k <= words; k++) value = value " " word[k]
      gsub(/\t/, " ", value)
      print "set", id[depth] + 0, word[1], real[file], at_line[words], at_column[words], at_length[words], value
      pattern = words == 2 && word[1] == "include" ? value : ""
      words = 0
      if (pattern != "") include(pattern)
    }
    function include(pattern,   k) {
      if (pattern !~ /^\//) pattern = directory pattern
      gsub(/[.+(){}|^$\\]/, "\\\\&", pattern)
      gsub(/[*]/, "[^/]*", pattern)
      gsub(/[?]/, "[^/]", pattern)
      for (k = 1; k <= files; k++) if (path[k] ~ "^" pattern "$") parse(path[k])
    }' "$run/nginx.files" >"$run/nginx.read"
}
