# Apache for webmail: one virtual host a domain, with the body of the provider's own webmail. Our
# virtual hosts come after the provider's, so an unknown name gets what it got before. Apache reads
# certificates only at a reload: one graceful reload a delivery, and only if a webmail name or its
# certificate changed. A graceful reload with a key that does not fit its certificate ENDS Apache,
# with exit code 0, and its configuration test does not notice. So the adapter checks each pair
# before a reload. Our site lies in a directory that Apache includes by a pattern, after all others.

adapter apache webmail by-name

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
    apache_note
    apache_graceful
  else
    tail -n 1 "$run/apache.error" >"$run/why.apache"
  fi
}

# What the webmail is: said in the registration, or recorded at adoption, or to be seen by its
# names.
apache_look() {
  webmail_is apache
  # shellcheck disable=SC2154 # webmail_is sets them
  apache_find "$its_file" "$its_name"
}

# apache_take LIST: writes the virtual hosts for LIST and their body into $run. The body is that of
# the virtual host that adoption has recorded, as it is now. If that is gone, the last body is used,
# and no other virtual host is taken in its place. (The virtual host of a removed domain must not
# stay either: its file will be gone.)
apache_take() {
  apache_look
  IFS='	' read -r file line _ <<-END
	$(apache_told webmail)
	END
  if [ -z "$file" ] || ! apache_cut "$file" "$line" >"$run/apache.new.body"; then
    [ -e "$apache_body" ] || return 1
    [ ! -e "$run/facts" ] || echo "fact webmail-gone apache $(cat "$adoption/apache.webmail")" >>"$run/facts"
    cp "$apache_body" "$run/apache.new.body"
  fi
  apache_render "$1" "$(sed -n '1s/^# addresses //p' "$run/apache.new.body")" >"$run/apache.new"
}

# False if a reload would end Apache; prints why. Pairs that apache_note noted, and that are still
# the same files, are not checked again. An inspection calls it, too, so it writes only to $run.
apache_fit() {
  apachectl -t 2>&1 || return 1
  root=$(apache_root)
  apachectl -t -D DUMP_INCLUDES 2>/dev/null | sed -n 's/^ *([0-9*]*) //p' | while read -r file; do
    awk -v root="$root/" '
      function value(v) {
        v = $0; sub(/^[ \t]*[^ \t]+[ \t]+/, "", v); sub(/[ \t]+$/, "", v)
        if (v ~ /^".*"$/) v = substr(v, 2, length(v) - 2)
        if (v !~ /^\//) v = root v
        return v
      }
      function done(i) {
        for (i = 1; i <= certificates; i++) print certificate[i] "\t" (i <= keys ? key[i] : certificate[i])
        certificates = keys = 0
      }
      { sub(/\r$/, "") }
      /\\$/ { held = held substr($0, 1, length($0) - 1) " "; next }
      { $0 = held $0; held = "" }
      tolower($1) == "<virtualhost" || tolower($1) == "</virtualhost>" { done() }
      tolower($1) == "sslcertificatefile" && $2 !~ /[$]/ { certificate[++certificates] = value() }
      tolower($1) == "sslcertificatekeyfile" && $2 !~ /[$]/ { key[++keys] = value() }
      END { done() }' "$file"
  done | sort -u | while IFS='	' read -r certificate key; do
    printf '%s\t%s\t%s\n' "$certificate" "$key" "$(stat -L -c '%i %s %Y %Z' "$certificate" "$key" 2>/dev/null | tr '\n' ' ')"
  done >"$run/apache.pairs"
  cat "$apache_checked" >"$run/apache.noted" 2>/dev/null || :
  grep -Fxv -f "$run/apache.noted" "$run/apache.pairs" >"$run/apache.unchecked" || :
  while IFS='	' read -r certificate key _; do
    of_leaf=$(openssl x509 -in "$certificate" -noout -pubkey 2>/dev/null </dev/null) || of_leaf=
    of_key=$(openssl pkey -in "$key" -pubout -passin pass: 2>/dev/null </dev/null) || of_key=
    if [ -z "$of_leaf" ] || [ "$of_leaf" != "$of_key" ]; then
      echo "a reload would end Apache: $key is not the key of $certificate"
      return 1
    fi
  done <"$run/apache.unchecked"
}

apache_note() { place "$run/apache.pairs" "$apache_checked"; }

apache_obstacle() {
  if ! apachectl -t >"$run/apache.error" 2>&1; then
    sed -n 's/^AH[0-9]*: Syntax error on line \([0-9]*\) of \(.*\):$/\2:\1: its configuration has an error; mend it/p' "$run/apache.error" | grep . ||
      echo "its configuration has an error: $(tail -n 1 "$run/apache.error"); mend it"
    return
  fi
  apache_look
  apache_told obstacle
  ! apache_told obstacle | grep -q . || return 0
  IFS='	' read -r file line name <<-END
	$(apache_told webmail)
	END
  apache_cut "$file" "$line" >/dev/null || echo "$file:$line: the webmail ($name) cannot be read from here; write it as one <VirtualHost>, without a macro"
  apache_nested "$file" "$line"
  apache_own_name
  apache_owner "$file" "$line"
  apache_place | sed -n 's/^obstacle	//p'
  others_write "$file"
  apache_place | grep -v '^obstacle' | while read -r site; do others_write "${site%/*}"; done
  apache_fit >"$run/apache.error" 2>&1 || tail -n 1 "$run/apache.error"
}

# Apache takes the first virtual host that has a name, and ours come last.
apache_own_name() {
  ! is_web_alone || awk -F '\t' -v server="$server" 'index(" " $4 " ", " " server " ") {
    print $2 ":" $3 ": this virtual host has the name of the server, so the certificate of the server that sealpost brings would never be served; give the site another name (webmail.…)"
    exit
  }' "$run/apache.sites"
}

# A document root of an ordinary user shows that the virtual host is a customer's, unless the
# registration says otherwise.
apache_owner() {
  [ "${webmail_file:--}" = - ] || return 0
  apache_names "$1" "$2" | sed -n 's/^root //p' | while read -r root; do
    uid=$(stat -c %u "$root" 2>/dev/null) || continue
    [ "$uid" -lt 1000 ] || [ "$uid" = 65534 ] || echo "$1:$2: its DocumentRoot $root belongs to $(stat -c %U "$root"), so it may be the site of a customer; say which is the webmail in the registration: \"webmail\":{\"file\":…,\"name\":…}"
  done
}

apache_site_text() {
  echo "# Written by sealpost's adoption; undo-adoption removes this file. It includes a virtual host for each"
  echo '# webmail name, after all others.'
  echo "IncludeOptional $apache_hosts"
}

apache_plan() {
  apache_look
  apache_site_text | sed "s|^|$(apache_place):0 + |"
  apache_told webmail | awk -F '\t' '{ print "costs that " $1 ":" $2 " (" $3 ") answers the webmail name of each customer" }'
  echo 'costs a graceful reload for each delivery that changes webmail; adoption itself needs none'
}

# apache_stage DIRECTORY: Apache tests a virtual host like ours, with the body of the webmail,
# behind its configuration as it is.
apache_stage() {
  apache_look
  IFS='	' read -r file line name <<-END
	$(apache_told webmail)
	END
  apache_cut "$file" "$line" >"$1/body"
  printf '<VirtualHost %s>\nServerName sealpost.invalid\nInclude %s/body\n</VirtualHost>\n' "$(sed -n '1s/^# addresses //p' "$1/body")" "$1" >"$1/apache.conf"
  apachectl -t -c "Include $1/apache.conf" >"$1/error" 2>&1 || grep -v '^Action' "$1/error" | head -n 2 | tr '\n' ' '
}

# Adoption needs no reload, because the included file is still empty.
apache_adopt() {
  apache_look
  apache_told webmail | while IFS='	' read -r file _ called; do echo "$called $(readlink -f "$file")"; done >"$run/apache.webmail"
  site=$(apache_place)
  cp "$run/apache.webmail" "$adoption/apache.webmail"
  echo "$site" >"$adoption/apache.site"
  apache_take "$home/domains" || return 1
  place "$run/apache.new.body" "$apache_body"
  place "$run/apache.new" "$apache_hosts"
  keep apache "$site" || return 1
  mark_adopting apache
  apache_site_text >"$run/apache.site"
  rewrite apache "$site" "$run/apache.site" || return 1
  apachectl -t >/dev/null 2>&1 || return 1
  apache_asks || return 1
  [ ! -s "$apache_hosts" ] || ! apache_fit >/dev/null 2>&1 || apache_graceful
}

# The registration may name another webmail than the one on record: then Apache is adopted again.
apache_asks() {
  apachectl -t -D DUMP_INCLUDES 2>/dev/null | grep -Fq " $(cat "$adoption/apache.site")" || return 1
  webmail_is apache
  [ "$its_name $its_file" = "$(cat "$adoption/apache.webmail")" ]
}

apache_undo() {
  give_back apache
  rm -f "$apache_hosts" "$apache_body"
  ss -Hltnp 'sport = :443' | grep -q '"apache2"' || return 0
  ! apache_fit >/dev/null 2>&1 || apache_graceful
}

# Its exit code says nothing.
apache_graceful() {
  : >"$run/apache.reloaded"
  apachectl graceful >/dev/null 2>&1 || :
}

apache_known() {
  apache_look
  IFS='	' read -r file line _ <<-END
	$(apache_told webmail)
	END
  [ -z "$file" ] || apache_names "$file" "$line" | grep -xE '[a-z0-9.-]+\.[a-z0-9-]+' || :
}

# The listeners of the webmail, if it or the whole server wants a PROXY header (mod_remoteip).
apache_proxied() {
  apache_look
  IFS='	' read -r file line _ <<-END
	$(apache_told webmail)
	END
  [ -n "$file" ] || return 0
  apachectl -t -D DUMP_INCLUDES 2>/dev/null | sed -n 's/^ *([0-9*]*) //p' | while read -r each; do
    awk -v site="$file" -v line="$line" '
      tolower($1) == "<virtualhost" { other = !(FILENAME == site && FNR == line) }
      tolower($1) == "</virtualhost>" { other = 0 }
      !other && tolower($1) == "remoteipproxyprotocol" && tolower($2) == "on" { print "yes" }' "$each"
  done | grep -q yes || return 0
  awk -F '\t' -v file="$file" -v line="$line" '$2 == file && $3 == line { print $1 }' "$run/apache.sites"
}

# apache_log SECONDS: what ended Apache since then, if this run has reloaded it. A virtual host may
# have a log of its own; its path may begin with a variable of Debian's environment file.
apache_log() {
  [ -e "$run/apache.reloaded" ] || return 0
  main=$(apachectl -t -D DUMP_RUN_CFG 2>/dev/null | sed -n 's/^Main ErrorLog: "\(.*\)"$/\1/p')
  {
    echo "$main"
    apachectl -t -D DUMP_INCLUDES 2>/dev/null | sed -n 's/^ *([0-9*]*) //p' | xargs -r -d '\n' sed -n 's/^[ \t]*[Ee]rror[Ll]og[ \t]*//p' |
      sed "s|^\"\(.*\)\".*|\1|; s|^\\\${APACHE_LOG_DIR}|${main%/*}|"
  } | sort -u | while read -r log; do
    case $log in /*) lines_since "$1" "$log" ;; esac
  done | grep -E '^\[[^]]*\] \[[a-z0-9_]*:(emerg|alert)\]' || :
}
