# Courier gets one certificate, the host's own. It opens its file at each connection, as its own group: so a new one is
# served at the next handshake, without a reload, and nobody who is connected notices. The file that its configuration names
# is replaced, not the configuration: that is read when the daemons start, and restarting them would end every session.
# What was in its place is kept, with owner, mode and link, and is put back; what its operator puts there later is kept, too.
# Known is Debian's layout. It could choose by name; docs/decisions/0024 says why its domains are served under the host's.

courier_directory() { echo /etc/courier; }
courier_readers() { echo courier; }

courier_detect() {
  [ ! -x /usr/sbin/couriertcpd ] || dpkg-query -W -f '${Version}\n' courier-base 2>/dev/null | sed 's/-.*//'
}

# What is installed: its start script, its port, its files, the one that decides last.
courier_services() {
  while read -r script port files; do
    [ ! -x "/usr/sbin/$script" ] || echo "$script $port $files"
  done <<-'EOT'
	imapd-ssl 993 imapd imapd-ssl
	imapd 143 imapd imapd-ssl
	pop3d-ssl 995 pop3d pop3d-ssl
	pop3d 110 pop3d pop3d-ssl
	esmtpd-ssl 465 esmtpd esmtpd-ssl
	esmtpd 25 esmtpd
	esmtpd-msa 587 esmtpd esmtpd-msa
	EOT
}

courier_ports() { courier_services | cut -d' ' -f2; }

# Lines `script certificate key`, each setting as the start script would have it; `-` where there is none.
courier_pairs() {
  courier_services | while read -r script _ files; do
    # shellcheck disable=SC2086
    env -i sh -c 'cd /etc/courier; for file do . "./$file"; done; echo "$0 ${TLS_CERTFILE:--} ${TLS_PRIVATE_KEYFILE:--}"' "$script" $files 2>/dev/null </dev/null || echo "$script - -"
  done
}

courier_files() { courier_pairs | awk '!seen[$2]++ { print $2 }'; }

courier_obstacle() {
  courier_pairs | while read -r script file key; do
    if [ ! -f "$file" ]; then
      echo "$script has no certificate"
    elif [ "$key" != - ]; then
      echo "the key of $script is in a file of its own, and two files cannot be switched at once: put the key before the certificate in $file and take TLS_PRIVATE_KEYFILE out"
    elif [ "${file%/*}" != /etc/courier ]; then
      echo "$file may be another program's, too: let TLS_CERTFILE of $script name a file in /etc/courier"
    elif rival=$(courier_rival "$file") && [ -n "$rival" ]; then
      echo "$script would serve $rival before the host's own: take it away"
    else
      continue
    fi
    break
  done
}

# courier_rival FILE: what it takes instead of FILE for the host's name, or one of the names above it, or for an address.
courier_rival() {
  {
    for each in "$1".[0-9]*.[0-9]*.[0-9]*.[0-9]*; do echo "$each"; done
    name=$server
    while [ -n "$name" ]; do
      echo "$1.$name"
      case $name in *.*) name=${name#*.} ;; *) name= ;; esac
    done
  } | while read -r each; do [ ! -e "$each" ] || echo "$each"; done | head -n 1
}

courier_plan() {
  courier_files | sed "s|\$| becomes the host's own certificate when there is one; until then, and after undo-adoption, it is what it was|"
}

# Nothing changes yet: what it serves is its own until the host has a certificate of ours.
courier_adopt() {
  mkdir -p "$adoption/courier"
  courier_files >"$adoption/courier.files"
  : >"$adoption/courier.ours"
  mark_adopting courier
}

courier_asks() { courier_files | cmp -s - "$adoption/courier.files"; }

# courier_apply BEFORE AFTER CHANGED
courier_apply() {
  courier_pem=$(awk -v live="$home/live/" '$2 == "host" { print live $1 ".pem"; exit }' "$2")
  while read -r file; do
    if [ -z "$courier_pem" ]; then
      courier_give_back "$file"
    elif ! cmp -s "$courier_pem" "$file"; then
      courier_is_ours "$file" || courier_keep "$file"
      # Before it is there: a run that is killed must not take it for the operator's.
      { cat "$adoption/courier.ours" && sha256sum <"$courier_pem"; } | sort -u >"$run/courier.ours"
      place "$run/courier.ours" "$adoption/courier.ours"
      place "$courier_pem" "$file" courier
    fi
  done <"$adoption/courier.files"
}

# courier_is_ours FILE: its content was written by us; then what is kept is what was there before.
courier_is_ours() { [ -f "$1" ] && sha256sum <"$1" | grep -Fxq -f - "$adoption/courier.ours"; }

courier_keep() {
  courier_kept=$adoption/courier/${1##*/}
  rm -f "$courier_kept"
  [ -e "$1" ] || [ -L "$1" ] || return 0
  cp -a "$1" "$courier_kept.new"
  sync "$courier_kept.new" 2>/dev/null || :
  mv -fT "$courier_kept.new" "$courier_kept"
  sync "$adoption/courier"
}

courier_give_back() {
  courier_kept=$adoption/courier/${1##*/}
  courier_is_ours "$1" || return 0
  if [ ! -e "$courier_kept" ] && [ ! -L "$courier_kept" ]; then
    rm -f "$1"
    return
  fi
  cp -a "$courier_kept" "$1.sealpost"
  mv -fT "$1.sealpost" "$1"
}

courier_undo() {
  while read -r file; do courier_give_back "$file"; done <"$adoption/courier.files"
}
