# Certificates by the hundred: one openssl process reads or verifies all of them. Like a hello, this
# only confirms: what it does not confirm is asked one by one, and that finds the reason.

# verified LIST DIRECTORY: LIST has lines `ID NAME PEM CHAIN`, as a hello saw them: the leaf of
# CHAIN is the one of PEM. Prints the ID of each line whose chain ends in a root that this host or
# the delivery trusts, and whose leaf is valid for NAME.
verified() {
  [ -s "$1" ] || return 0
  rm -rf "$2"
  mkdir "$2"
  awk -v to="$2/" '
    function write(base64, file) {
      print "-----BEGIN CERTIFICATE-----" >> file
      for (; base64 != ""; base64 = substr(base64, 65)) print substr(base64, 1, 64) >> file
      print "-----END CERTIFICATE-----" >> file
    }
    {
      n = split($4, part, ",")
      write(part[1], to "leaves")
      sub(/^[^,]*,?/, "", $4)
      if (!($4 in group)) {
        group[$4] = ++groups
        for (i = 2; i <= n; i++) write(part[i], to groups ".chain")
        close(to groups ".chain")
      }
      print to group[$4] ".chain" >> (to "groups")
      print $3 >> (to group[$4] ".pems")
      close(to group[$4] ".pems")
    }' "$1"
  [ -e "$2/leaves" ] || return 0
  # One leaf may be served with two chains, so a verdict names the chain. Level 2 is what Debian
  # asks of a handshake.
  for group in "$2"/*.pems; do
    group=${group%.pems}
    set -- "$1" "$2"
    [ ! -e "$group.chain" ] || set -- "$1" "$2" -untrusted "$group.chain"
    # shellcheck disable=SC2086
    { xargs openssl verify -auth_level 2 -purpose sslserver $trust ${3+"$3" "$4"} <"$group.pems" 2>/dev/null || :; } |
      sed "s|^|$group.chain |"
  done >"$2/verdicts"
  openssl storeutl -noout -text -certs "$2/leaves" 2>/dev/null >"$2/texts" || :
  awk '
    function covers(list, name,   each, n, i) {
      n = split(tolower(list), each, ",")
      for (i = 1; i <= n; i++)
        if (each[i] == name || each[i] ~ /^\*\./ && substr(name, index(name, ".")) == substr(each[i], 2)) return 1
    }
    FILENAME == ARGV[1] { if (sub(/: OK$/, "")) good[$0] = 1; next }
    FILENAME == ARGV[2] { chain[FNR] = $1; next }
    FILENAME == ARGV[3] {
      if (/^[0-9]+: Certificate$/) at = $1 + 1
      else if (/X509v3 Subject Alternative Name:/) { getline; gsub(/ |DNS:/, ""); names[at] = $0 }
      next
    }
    { line[++lines] = $1 " " $2 " " $3 }
    END {
      if (at != lines) exit
      for (i = 1; i <= lines; i++) {
        split(line[i], part, " ")
        if ((chain[i] " " part[3]) in good && covers(names[i], part[2])) print part[1]
      }
    }' "$2/verdicts" "$2/groups" "$2/texts" "$1"
}

# good_pairs NEW DIRECTORY: reads lines `PLACE LEAF` and prints each PLACE whose file NEW/PLACE.pem
# has first an unencrypted key, then the certificate with the sha256 LEAF, which has this key and is
# valid now.
good_pairs() {
  rm -rf "$2"
  mkdir "$2"
  cat >"$2/list"
  perl -e "$pairs$base64" "$1" "$2" <"$2/list" >"$2/order" || return 0
  [ -s "$2/order" ] || return 0
  find "$2" -name '*.der' -exec sha256sum {} + >"$2/hashes"
  openssl storeutl -noout -text "$2/pairs.pem" 2>/dev/null | awk -v now="$(date -u +%Y%m%d%H%M%S)" '
    BEGIN { for (i = split("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec", month, " "); i > 0; i--) number[month[i]] = i }
    FILENAME ~ /list$/ { leaf[$1] = $2; next }
    FILENAME ~ /hashes$/ { file = $2; sub(/.*\//, "", file); sub(/\.der$/, "", file); hash[file] = $1; next }
    FILENAME ~ /order$/ { place[++places] = $1; next }
    /^[0-9]+: / { at = $1 + 0; kind[at] = $2; inside = 0; next }
    /^ *(pub|modulus|Modulus):$/ && !(at in key) { inside = 1; next }
    inside && /^ +[0-9a-f:]+$/ { gsub(/[ :]/, ""); key[at] = key[at] $0; next }
    { inside = 0 }
    /^ *Not After : / {
      sub(/.*: /, "")
      split($3, time, ":")
      end[at] = sprintf("%04d%02d%02d%s", $4, number[$1], $2, time[1] time[2] time[3])
    }
    END {
      if (at != 2 * places - 1) exit
      for (i = 1; i <= places; i++) {
        k = 2 * i - 2
        if (kind[k] == "Pkey" && kind[k + 1] == "Certificate" && key[k] != "" && key[k] == key[k + 1] &&
          end[k + 1] > now && hash[place[i]] == leaf[place[i]]) print place[i]
      }
    }' "$2/list" "$2/hashes" "$2/order" -
  rm -rf "$2"
}

# Writes DIRECTORY/pairs.pem, the key and the leaf of each file, and DIRECTORY/PLACE.der, the leaf.
pairs='
  use strict;
  my ($new, $to) = @ARGV;
  open my $pairs, ">", "$to/pairs.pem" or exit 1;
  while (<STDIN>) {
    my ($place) = split;
    open my $file, "<", "$new/$place.pem" or next;
    my $text = join "", <$file>;
    my ($key) = $text =~ m#\A(-----BEGIN (?:EC |RSA )?PRIVATE KEY-----\n[A-Za-z0-9+/=\n]+-----END (?:EC |RSA )?PRIVATE KEY-----\n)# or next;
    my ($leaf) = $text =~ m#(-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+-----END CERTIFICATE-----\n)# or next;
    print $pairs $key, $leaf;
    open my $der, ">", "$to/$place.der" or exit 1;
    print $der leaf("$new/$place.pem");
    close $der or exit 1;
    print "$place\n";
  }
  close $pairs or exit 1;'
