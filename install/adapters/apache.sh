# Apache for webmail: one virtual host a domain, with the body of the provider's own webmail. Our
# virtual hosts come after the provider's, so an unknown name gets what it got before. Apache reads
# certificates only at a reload: one graceful reload a delivery, and only if a webmail name or its
# certificate changed. A graceful reload with a key that does not fit its certificate ENDS Apache,
# with exit code 0, and its configuration test does not notice. So the adapter checks each pair
# before a reload. The adapter knows Debian's layout of sites.

adapter apache webmail by-name

apache_site=/etc/apache2/sites-enabled/zz-sealpost.conf
apache_hosts=$home/apache.conf
apache_body=$home/apache-webmail.inc
apache_checked=$home/apache-checked

apache_detect() { apache2 -v 2>/dev/null | sed -n 's|.*Apache/\([0-9.]*\).*|\1|p'; }
apache_ports() { echo 443; }
apache_directory() { echo /etc/apache2; }
apache_readers() { echo root; }

# apache_render LIST ADDRESSES
apache_render() {
  awk -v live="$home/live/" -v addresses="$2" -v body="$apache_body" '$6 != "-" {
    pem = live $1 ".pem"
    printf "<VirtualHost %s>\n  ServerName %s\n  SSLCertificateFile %s\n  SSLCertificateKeyFile %s\n  Include %s\n</VirtualHost>\n", addresses, $6, pem, pem, body
  }' "$1"
}

# apache_apply BEFORE AFTER CHANGED
apache_apply() {
  apache_reload=$(awk 'FILENAME == ARGV[1] { changed[$1] = 1; next } $1 in changed && $6 != "-" { print "yes"; exit }' "$3" "$1" "$2")
  apache_take "$2" || return 0
  ! cmp -s "$run/apache.new.body" "$apache_body" || ! cmp -s "$run/apache.new" "$apache_hosts" || [ -n "$apache_reload" ] || return 0
  place "$run/apache.new.body" "$apache_body"
  place "$run/apache.new" "$apache_hosts"
  # `graceful` would start an Apache that was dead.
  case " $alive " in *' apache '*) ;; *) return 0 ;; esac
  # Without a reload Apache serves what it has. No handshake then shows the new certificate, so it
  # is rolled back.
  if apache_fit >"$run/apache.error" 2>&1; then
    apachectl graceful >/dev/null 2>&1 || :
  else
    tail -n 1 "$run/apache.error" >"$run/why.apache"
  fi
}

# apache_take LIST: writes the virtual hosts for LIST and their body into $run. The body is that of
# the provider's webmail as it is now. If the webmail is not found any more, the last body is used,
# because the virtual host of a removed domain must not stay: its file will be gone.
apache_take() {
  # shellcheck disable=SC2046
  set -- "$1" $(apache_block)
  if [ $# != 3 ] || ! apache_cut "$2" "$3" >"$run/apache.new.body"; then
    [ -e "$apache_body" ] || return 1
    cp "$apache_body" "$run/apache.new.body"
  fi
  apache_render "$1" "$(sed -n '1s/^# addresses //p' "$run/apache.new.body")" >"$run/apache.new"
}

# Prints `file line named` for each of the provider's virtual hosts on 443. `named` is 1 if its name
# or an alias has `webmail` in it.
apache_blocks() {
  apachectl -t -D DUMP_VHOSTS 2>/dev/null | awk -v ours="$apache_hosts" '
    function done() { if (at != "" && at !~ "^" ours) print at, named; at = "" }
    # `*:443 name (file:line)`, or below `*:443 is a NameVirtualHost` lines `port 443 namevhost name
    # (file:line)`.
    $1 ~ /:443$/ && $2 != "is" || $1 == "port" && $2 == 443 {
      done()
      at = $NF; gsub(/[()]/, "", at); sub(/:/, " ", at)
      named = 0
    }
    $1 ~ /:[0-9]+$/ && $1 !~ /:443$/ || $1 == "port" && $2 != 443 { done() }
    at != "" && / webmail/ { named = 1 }
    at != "" && ($1 == "wild" || $1 == "alias") && $NF ~ /^(webmail)?\./ { named = 1 }
    END { done() }'
}

# Prints `file line` of the virtual host that is the webmail: the only one, or the only one named
# so.
apache_block() {
  apache_blocks | awk '{ all++; any = $1 " " $2; if ($3) { some++; named = $1 " " $2 } } END { if (all == 1) print any; else if (some == 1) print named }'
}

# apache_cut FILE LINE: prints `# addresses …`, then the body without the lines that each of our
# virtual hosts has itself. The line `# certificate` says that the provider's virtual host has a
# certificate.
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
    tolower($1) == "</virtualhost>" { whole = 1; exit }
    tolower($1) == "sslcertificatefile" { print "# certificate" }
    tolower($1) ~ /^(servername|serveralias|sslcertificate(key|chain)?file)$/ { next }
    { print }
    END { exit !whole }' "$1"
}

# False if a reload would end Apache; prints why. Pairs that were checked before and are still the
# same files are not checked again.
apache_fit() {
  apachectl -t 2>&1 || return 1
  apachectl -t -D DUMP_INCLUDES 2>/dev/null | sed -n 's/^ *([0-9*]*) //p' | while read -r file; do
    awk '
      function value() { v = $2; gsub(/"/, "", v); if (v !~ /^\//) v = "/etc/apache2/" v; return v }
      function done(i) {
        for (i = 1; i <= certificates; i++) print certificate[i], (i <= keys ? key[i] : certificate[i])
        certificates = keys = 0
      }
      tolower($1) == "<virtualhost" || tolower($1) == "</virtualhost>" { done() }
      tolower($1) == "sslcertificatefile" && $2 !~ /\$/ { certificate[++certificates] = value() }
      tolower($1) == "sslcertificatekeyfile" && $2 !~ /\$/ { key[++keys] = value() }
      END { done() }' "$file"
  done | sort -u | while read -r certificate key; do
    echo "$certificate $key $(stat -L -c '%i %s %Y %Z' "$certificate" "$key" 2>/dev/null | tr '\n' ' ')"
  done >"$run/apache.pairs"
  touch "$apache_checked"
  grep -Fxv -f "$apache_checked" "$run/apache.pairs" >"$run/apache.unchecked" || :
  while read -r certificate key _; do
    of_leaf=$(openssl x509 -in "$certificate" -noout -pubkey 2>/dev/null </dev/null) || of_leaf=
    of_key=$(openssl pkey -in "$key" -pubout -passin pass: 2>/dev/null </dev/null) || of_key=
    if [ -z "$of_leaf" ] || [ "$of_leaf" != "$of_key" ]; then
      echo "a reload would end Apache: $key is not the key of $certificate"
      return 1
    fi
  done <"$run/apache.unchecked"
  place "$run/apache.pairs" "$apache_checked"
}

apache_obstacle() {
  if [ ! -d /etc/apache2/sites-enabled ]; then
    echo 'its configuration is not laid out in sites, as that of Debian is'
    return
  fi
  if ! apachectl -t >/dev/null 2>&1; then
    echo 'its configuration has an error'
    return
  fi
  # shellcheck disable=SC2046
  set -- $(apache_block)
  if [ $# != 2 ]; then
    echo 'no single virtual host on 443 is the webmail (ServerName webmail…)'
  elif ! apache_cut "$1" "$2" >"$run/apache.cut"; then
    echo "its webmail virtual host cannot be read from $1"
  elif ! grep -qx '# certificate' "$run/apache.cut"; then
    echo 'its certificate is not set in its virtual host'
  elif ! apache_fit >"$run/apache.error" 2>&1; then
    tail -n 1 "$run/apache.error"
  fi
}

apache_plan() {
  echo "$apache_site IncludeOptional $apache_hosts"
}

# Adoption needs no reload, because the included file is still empty.
apache_adopt() {
  : >"$run/apache.nothing"
  apache_take "$run/apache.nothing" || return 1
  place "$run/apache.new.body" "$apache_body"
  place "$run/apache.new" "$apache_hosts"
  mark_adopting apache
  {
    echo "# Written by sealpost's adoption; undo-adoption removes this file. It includes a virtual host for each"
    echo '# webmail name, after all others.'
    echo "IncludeOptional $apache_hosts"
  } >"$run/apache.site"
  chmod 0644 "$run/apache.site"
  place "$run/apache.site" "$apache_site"
  apachectl -t >/dev/null 2>&1 || return 1
  apache_asks
}

apache_asks() { apachectl -t -D DUMP_INCLUDES 2>/dev/null | grep -q " $apache_site\$"; }

apache_undo() {
  rm -f "$apache_site"
  ss -Hltnp 'sport = :443' | grep -q '"apache2"' || return 0
  ! apache_fit >/dev/null 2>&1 || apachectl graceful >/dev/null 2>&1 || :
}
