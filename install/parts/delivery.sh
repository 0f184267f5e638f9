# The delivery: plain text, one object, made for awk. Each value that becomes a file name, a shell
# word or a line of a daemon's configuration is checked here, letter by letter.

# read_head FILE: prints server, seq, issued-at, not-after, mode, adopt, entries, and the name and
# the file of the webmail (`- -` if the registration does not say which site that is), and the
# daemons that it leaves out. Fails if one of them is malformed, or missing.
read_head() {
  awk '
    NR == 1 { if ($0 != "sealpost-delivery 1") exit; next }
    $1 == "roots" { closed = 1; exit }
    $1 == "webmail" && NF == 3 && $2 ~ /^[A-Za-z0-9.*_-]+$/ && $3 ~ /^\/[A-Za-z0-9.\/_+@=-]+$/ && webmail == "" && length($0) < 512 {
      webmail = $2 " " $3
      next
    }
    $1 == "leave-out" && NF > 1 && NF < 12 && out == "" {
      for (i = 2; i <= NF; i++) {
        if ($i !~ /^[a-z][a-z0-9-]*$/ || length($i) > 32) exit
        out = out " " $i
      }
      next
    }
    NF != 2 { exit }
    $1 ~ /^(seq|issued-at|not-after|entries)$/ && $2 ~ /^[0-9]+$/ && length($2) < 12 ||
    $1 == "server" && $2 ~ /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$/ ||
    $1 == "mode" && $2 ~ /^(inspect|install|verify)$/ ||
    $1 == "adopt" && $2 ~ /^(yes|no|with-losses)$/ {
      if ($1 in value) exit
      value[$1] = $2
      next
    }
    { exit }
    END {
      n = split("server seq issued-at not-after mode adopt entries", want, " ")
      for (i = 1; i <= n; i++) if (!(want[i] in value)) closed = 0
      for (i = 1; i <= n; i++) printf "%s ", value[want[i]]
      print (webmail == "" ? "- -" : webmail) out
      exit !closed
    }' "$1"
}

# split_delivery FILE DIRECTORY: writes
#   DIRECTORY/new/PLACE.pem  the PEM of each entry
#   DIRECTORY/roots.pem      the roots
#   DIRECTORY/entries        a line an entry: n verb place kind id leaf mail-name web-name names…
#   DIRECTORY/rows           a line for each row of the audit: n place leaf mail-name web-name
#                            (mail-name `default`: the look sends no name)
# A place is a domain, or DOMAIN@mail or DOMAIN@webmail for a certificate that serves only mail or
# only webmail. No domain has an @.
split_delivery() {
  : >"$2/roots.pem"
  : >"$2/entries"
  : >"$2/rows"
  awk -v to="$2" -v count="$entries" '
    function name(s) { return length(s) < 254 && s ~ /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$/ }
    function hex(s) { return length(s) == 64 && s ~ /^[0-9a-f]+$/ }
    function bad(what) { if (!wrong) print "line " NR ": " what > "/dev/stderr"; wrong = 1; exit 1 }
    function flush() {
      if (line == "") return
      if (verb == "install" && (names == "" || probe == "" || !pem)) bad("entry " at " is incomplete")
      print line, (probe == "" ? "- -" : probe) names > (to "/entries")
      if (pem) close(file)
      line = names = probe = ""; pem = 0
    }
    $1 == "roots" && !roots { roots = 1; file = to "/roots.pem"; next }
    !roots { next }
    $1 == "entry" {
      flush(); at++; verb = $3; domain = $4
      if (NF != 8 || $2 != at || !name(domain) || $5 !~ /^[0-9]+$/) bad("not an entry")
      if (verb == "install" ? !hex($6) || !hex($7) || $8 !~ /^(host|domain|mail|webmail)$/ : verb != "remove" || $8 !~ /^(host|domain)$/) bad("not an entry")
      place = $8 ~ /mail$/ ? domain "@" $8 : domain
      if (place in had || domain in gone || verb == "remove" && domain in seen) bad(domain " comes twice")
      had[place] = seen[domain] = 1
      if (verb == "remove") gone[domain] = 1
      line = at " " verb " " place " " $8 " " $6 " " $7
      file = to "/new/" place ".pem"
      next
    }
    $1 == "names" {
      for (i = 2; i <= NF; i++) {
        base = $i; sub(/^\*\./, "", base)
        if (!name(base)) bad("not a name")
        names = names " " $i
      }
      next
    }
    $1 == "probe" {
      if (NF < 2 || NF > 3) bad("not a probe")
      for (i = 2; i <= NF; i++) if ($i != "-" && !name($i)) bad("not a name")
      probe = $2 " " (NF == 3 ? $3 : "-")
      next
    }
    $1 == "look" {
      flush()
      domain = $2; sub(/@(mail|webmail)$/, "", domain)
      if (NF != 5 || !name(domain) || !hex($3)) bad("not a look")
      if ($4 != "-" && $4 != "default" && !name($4) || $5 != "-" && !name($5)) bad("not a name")
      print ++rows, $2, $3, $4, $5 > (to "/rows")
      next
    }
    $0 == "end" { flush(); ended = 1; exit }
    /^-----BEGIN [A-Z ]+-----$/ || /^-----END [A-Z ]+-----$/ || /^[A-Za-z0-9+\/=]+$/ {
      if (line != "" && verb != "install") bad("a PEM that belongs to no certificate")
      if (line != "") pem = 1
      print > file
      next
    }
    { bad("not understood") }
    END { if (wrong || !ended || at + 0 != count + 0) exit 1 }' "$1"
}
