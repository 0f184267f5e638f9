# How the adapter for Apache reads: Apache itself says which virtual hosts there are and which files
# it includes in which order; names and bodies are read from the files.

apache_root() { apachectl -t -D DUMP_RUN_CFG 2>/dev/null | sed -n 's/^ServerRoot: "\(.*\)"$/\1/p'; }

# Prints `ADDRESS FILE LINE` for each of the provider's virtual hosts on 443, in Apache's order. A
# virtual host with several addresses comes several times. FILE may be what Apache says of a macro.
apache_sites() {
  apachectl -t -D DUMP_VHOSTS 2>/dev/null | awk -v ours="$apache_hosts" '
    function site(address,   at) {
      if (!match($0, /\(.*\)$/)) return
      at = substr($0, RSTART + 1, RLENGTH - 2)
      file = at; sub(/:[0-9]+$/, "", file)
      line = at; sub(/.*:/, "", line)
      if (file == ours || seen[address, at]++) return
      print address "\t" file "\t" line
    }
    /^[^ \t].*:443[ \t]/ { address = $1; if ($2 != "is") site(address); next }
    /^[^ \t]/ { address = ""; next }
    address != "" && $1 == "port" && $2 == 443 { site(address) }'
}

# apache_names FILE LINE: prints the names of the virtual host that begins there, one a line,
# ServerName first; then `root DIRECTORY`, if it has a DocumentRoot, and `off` if it has no TLS.
# False if the file has no virtual host there.
apache_names() {
  awk -v line="$2" '
    function word(n,   k, rest, w) {
      rest = $0; sub(/^[ \t]*[^ \t]+[ \t]*/, "", rest)
      for (k = 1; rest != ""; k++) {
        if (match(rest, /^"[^"]*"/)) { w = substr(rest, 2, RLENGTH - 2) } else { match(rest, /^[^ \t]+/); w = substr(rest, 1, RLENGTH) }
        rest = substr(rest, RLENGTH + 1); sub(/^[ \t]+/, "", rest)
        if (k == n) return w
      }
      return ""
    }
    { sub(/\r$/, "") }
    NR < line { next }
    NR == line { if (tolower($1) != "<virtualhost") exit; inside = 1; next }
    /\\$/ { held = held substr($0, 1, length($0) - 1); next }
    { $0 = held $0; held = "" }
    tolower($1) == "</virtualhost>" { whole = 1; exit }
    tolower($1) == "servername" { name = word(1); sub(/^https?:\/\//, "", name); sub(/:[0-9]+$/, "", name) }
    tolower($1) == "serveralias" { for (i = 1; word(i) != ""; i++) alias[++aliases] = word(i) }
    tolower($1) == "documentroot" { root = word(1) }
    tolower($1) == "sslengine" && tolower($2) == "off" { off = 1 }
    END {
      if (!whole) exit 1
      print tolower(name)
      for (i = 1; i <= aliases; i++) print tolower(alias[i])
      if (root != "") print "root " root
      if (off) print "off"
    }' "$1"
}

# Writes $run/apache.sites: `ADDRESS FILE LINE NAMES…` for each virtual host on 443, with tabs
# between the first fields. NAMES is `-` if the file does not show the virtual host (a macro).
apache_read() {
  apache_sites | while IFS='	' read -r address file line; do
    names=$(apache_names "$file" "$line" 2>/dev/null | tr '\n' ' ') || names=
    printf '%s\t%s\t%s\t%s\n' "$address" "$file" "$line" "${names:--}"
  done >"$run/apache.sites"
}

# apache_find FILE NAME: prints `webmail FILE LINE NAME` for the virtual host that is the webmail,
# or `obstacle TEXT`. FILE and NAME are `-` if neither the registration nor the record has them.
apache_find() {
  apache_read
  : >"$run/apache.links"
  cut -f 2 "$run/apache.sites" | sort -u | while read -r file; do printf '%s\t%s\n' "$file" "$(readlink -f "$file")"; done >"$run/apache.links"
  awk -F '\t' -v want_file="$1" -v want_name="$2" -v server="$server" '
    BEGIN { OFS = "\t"; parent = server; sub(/^[^.]*\./, "", parent) }
    FILENAME ~ /links$/ { real[$1] = $2; next }
    $4 ~ / off $/ { next }
    {
      at = $2 ":" $3
      address[++n] = $1; site[n] = at
      if (at in names) next
      names[at] = $4; file[at] = real[$2] == "" ? $2 : real[$2]; path[at] = $2; line[at] = $3
      order[++sites] = at
    }
    function mine(at,   part, n, i) {
      n = split(names[at], part, " ")
      for (i = 1; i <= n && part[i] != "root"; i++)
        if (want_name != "-" ? part[i] == want_name : part[i] == server || part[i] == "webmail." server || (parent ~ /\./ && part[i] == "webmail." parent)) return part[i]
      return ""
    }
    function all(at,   part, n, i) {
      n = split(names[at], part, " ")
      for (i = 1; i <= n && part[i] != "root"; i++) if (part[i] ~ /^webmail\.[*?]|^[*]/) return part[i]
      return ""
    }
    function short(at,   part) { split(names[at], part, " "); return part[1] }
    function wrong(text) { if (!said++) print "obstacle", text }
    END {
      for (i = 1; i <= sites; i++) {
        at = order[i]
        listed = listed (listed == "" ? "" : ", ") at " " short(at)
        if (mine(at) == "" || want_file != "-" && file[at] != want_file) continue
        if (!found++) it = at
        else others = others " and " at
      }
      say = "say which is the webmail in the registration: \"webmail\":{\"file\":…,\"name\":…}"
      if (!sites) wrong("no virtual host answers TLS on 443")
      else if (!found && want_file != "-") wrong(want_file " has no virtual host on 443 with the name " want_name)
      else if (!found) wrong("no virtual host on 443 has a name of this server (webmail." (parent ~ /\./ ? parent : server) " or " server "); " say ", of " listed)
      else if (found > 1) wrong(want_file != "-" ? "the name " want_name " is in several virtual hosts: " it others : it others " could each be the webmail; " say)
      else {
        print "webmail", path[it], line[it], mine(it)
        for (i = 1; i <= n; i++) if (site[i] == it) has[address[i]] = 1
        for (i = 1; i <= n; i++) if (!(address[i] in has)) wrong(site[i] ": Apache answers on " address[i] " without the webmail; let the virtual host of " it " have this address, too")
        for (i = 1; i <= sites; i++) if (all(order[i]) != "") wrong(order[i] ": the alias " all(order[i]) " comes before our virtual hosts and takes each name of a customer; remove the alias, because adoption gives each name a virtual host of its own")
      }
    }' "$run/apache.links" "$run/apache.sites" >"$run/apache.found"
}

# apache_told WHAT: prints the lines of $run/apache.found that begin so, without that word.
apache_told() { sed -n "s/^$1	//p" "$run/apache.found"; }

# apache_cut FILE LINE: prints `# addresses …`, then the body without the lines that each of our
# virtual hosts has itself, with their continuations.
apache_cut() {
  awk -v line="$2" '
    NR == line {
      if (tolower($1) != "<virtualhost") exit
      sub(/^[ \t]*<[^ \t]+[ \t]+/, ""); sub(/>.*/, "")
      print "# addresses " $0
      inside = 1
      next
    }
    !inside { next }
    dropped { dropped = /\\\r?$/; next }
    !goes_on && tolower($1) == "</virtualhost>" { whole = 1; exit }
    !goes_on && tolower($1) ~ /^(servername|serveralias|sslcertificate(key|chain)?file)$/ { dropped = /\\\r?$/; next }
    { goes_on = /\\\r?$/; print }
    END { exit !whole }' "$1"
}

# apache_nested FILE LINE: prints the obstacle if a file that the body includes has names or
# certificates, which each of our virtual hosts would then have, too.
apache_nested() {
  root=$(apache_root)
  apache_cut "$1" "$2" | awk 'tolower($1) ~ /^include(optional)?$/ { v = $2; gsub(/"/, "", v); print v }' | while read -r pattern; do
    case $pattern in /*) ;; *) pattern=$root/$pattern ;; esac
    # The pattern is a pattern for the shell, too.
    for file in $pattern; do
      [ -e "$file" ] || continue
      grep -niE '^[ 	]*(servername|serveralias|sslcertificate(key|chain)?file)[ 	]' "$file" |
        sed -n "s|^\([0-9]*\):[ 	]*\([^ 	]*\).*|$file:\1: the webmail includes this \2, so each of our virtual hosts would have it, too; set it in the virtual host itself, $1:$2|p"
    done
  done | head -n 1
}

# Prints `FILE` for our site, which Apache must read after all virtual hosts on 443: in the last
# directory that is included by a pattern. Or prints `obstacle TEXT`.
apache_place() {
  root=$(apache_root)
  cut -f 2,3 "$run/apache.sites" >"$run/apache.with"
  apachectl -t -D DUMP_INCLUDES 2>/dev/null | awk -v root="$root" -v name=zz-sealpost.conf -v sites="$run/apache.with" '
    function text(file, n,   t, i) { for (i = 1; i <= n && (getline t < file) > 0; i++); close(file); return t }
    # Of each file with virtual hosts: the line of the last one.
    BEGIN { while ((getline one < sites) > 0) { split(one, part, "\t"); if (part[2] > hosts[part[1]] + 0) hosts[part[1]] = part[2] + 0 } }
    # A virtual host of a file that includes this one may stand after the include.
    function comes_after(depth,   i, line) {
      line = at + 0
      for (i = depth - 1; i > 0; i--) {
        if (!(i in up)) continue
        if ((up[i] in hosts) && line < hosts[up[i]]) return 0
        line = included[i] + 0
      }
      return 1
    }
    match($0, /^ *\([0-9*]+\) /) {
      depth = index($0, "("); at = $1; gsub(/[()]/, "", at)
      file = substr($0, RLENGTH + 1)
      up[depth] = file
      included[depth] = at
      for (parent = depth - 1; parent > 0 && !(parent in up); parent--);
      for (i in up) if (i + 0 > depth) delete up[i]
      n++
      if ((file in hosts) && at != "*") { last = n; last_file = file }
      if (file ~ "/" name "$" || at == "*") next
      directory = file; sub(/\/[^\/]*$/, "", directory)
      pattern = text(up[parent], at + 0); sub(/\r$/, "", pattern); sub(/^[ \t]*[^ \t]+[ \t]+/, "", pattern); gsub(/"|[ \t]+$/, "", pattern)
      base = pattern; sub(/.*\//, "", base)
      if (base !~ /[*]/ || pattern ~ /[*].*\//) next
      glob = base; gsub(/[.+(){}|^$\\]/, "\\\\&", glob); gsub(/[*]/, ".*", glob); gsub(/[?]/, ".", glob)
      if (name !~ "^" glob "$") next
      if (directory != group) { group = directory; after = "" }
      if (file > directory "/" name && file in hosts) after = file
      if (!comes_after(depth)) { late_file = up[parent]; next }
      end = n; chosen = group; blocked = after
    }
    END {
      if (chosen == "" || end < last) print "obstacle\t" (late_file == "" ? last_file : late_file) ":0: no directory is included by a pattern after this file, so our virtual hosts have no place after yours; include one at the end of the main file (IncludeOptional sites-enabled/*.conf)"
      else if (blocked != "") print "obstacle\t" blocked ":0: this file comes after our zz-sealpost.conf; give it another name"
      else print chosen "/" name
    }'
}
