# Courier gets only the host's own certificate. It opens its file at each connection, as the group
# `courier`, so a new file is served at the next handshake without a reload, and no session ends.
# The adapter replaces the file that the configuration names. It does not change the configuration:
# Courier reads that only at a start, and a restart would end every session.
# The file that was there is kept with owner, mode and link, and is put back by undo. A file that
# the operator puts there later is kept, too.
# The adapter knows Debian's layout. Courier could choose a certificate by name; docs/decisions/0024
# says why its domains are served under the host's name.

adapter courier mail one-certificate

courier_directory() { echo /etc/courier; }
courier_readers() { echo courier; }

courier_detect() {
  [ ! -x /usr/sbin/couriertcpd ] || dpkg-query -W -f '${Version}\n' courier-base 2>/dev/null | sed 's/-.*//'
}

courier_programs() { [ -z "$(courier_detect)" ] || echo couriertcpd; }

# Prints `script port files…` for each installed service. Of the files, the last one decides.
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

# Prints `script certificate key` for each service, as its start script reads them; `-` for none.
courier_pairs() {
  courier_services | while read -r script _ files; do
    # shellcheck disable=SC2086
    env -i sh -c 'cd /etc/courier; for file do . "./$file"; done; echo "$0 ${TLS_CERTFILE:--} ${TLS_PRIVATE_KEYFILE:--}"' "$script" $files 2>/dev/null </dev/null || echo "$script - -"
  done
}

courier_files() {
  courier_pairs | awk '!seen[$2]++ { print $2 }' | while read -r file; do [ ! -f "$file" ] || echo "$file"; done
}

# courier_where SCRIPT SETTING: prints FILE:LINE of the setting in the files of a service. The last
# one decides.
courier_where() {
  files=$(courier_services | awk -v script="$1" '$1 == script { for (i = 3; i <= NF; i++) print "/etc/courier/" $i }')
  # shellcheck disable=SC2086
  found=$(grep -nE "^[[:space:]]*(export[[:space:]]+)?$2=" /dev/null $files | tail -n 1 | cut -d: -f1,2)
  echo "${found:-$(echo "$files" | tail -n 1)}"
}

# A service that does not listen serves nothing, unless none of them does.
courier_running() {
  ss -Hltn | awk '{ n = split($4, part, ":"); print part[n] }' >"$run/courier.ports"
  courier_services | while read -r script port _; do
    ! grep -qx "$port" "$run/courier.ports" || echo "$script"
  done
}

courier_obstacle() {
  courier_running >"$run/courier.running"
  courier_pairs | while read -r script file key; do
    [ ! -s "$run/courier.running" ] || grep -qx "$script" "$run/courier.running" || continue
    if [ ! -f "$file" ]; then
      echo "$(courier_where "$script" TLS_CERTFILE): $script has no certificate: let TLS_CERTFILE name one"
    elif [ "$key" != - ]; then
      echo "$(courier_where "$script" TLS_PRIVATE_KEYFILE): the key of $script is in a file of its own, and two files cannot be switched at once: put the key before the certificate in $file and take TLS_PRIVATE_KEYFILE out"
    elif [ "${file%/*}" != /etc/courier ]; then
      echo "$(courier_where "$script" TLS_CERTFILE): $file may be another program's, too: let TLS_CERTFILE of $script name a file in /etc/courier"
    elif rival=$(courier_rival "$file") && [ -n "$rival" ]; then
      echo "$rival: $script would serve this file before the host's own: take it away"
    elif echo "$file $file" >"$run/courier.own" && ! read_chains "$run/courier.own" "$run/courier.chains"; then
      echo "$(courier_where "$script" TLS_CERTFILE): $fault"
    else
      continue
    fi
    break
  done
}

courier_own_chains() { courier_files | sed 's/.*/& &/'; }

# courier_rival FILE: the file that Courier takes instead of FILE for an address, for the host's
# name, or for a name above it.
courier_rival() {
  {
    for each in "$1".[0-9]*.[0-9]*.[0-9]*.[0-9]*; do echo "$each"; done
    above=$server
    while [ -n "$above" ]; do
      echo "$1.$above"
      case $above in *.*) above=${above#*.} ;; *) above= ;; esac
    done
  } | while read -r each; do [ ! -e "$each" ] || echo "$each"; done | head -n 1
}

# No line changes. A whole file is replaced later.
courier_plan() {
  courier_files | sed "s|.*|costs nothing now: the host's own certificate takes the place of & when there is one, and undo-adoption gives the file back|"
  courier_own_chains >"$run/courier.own"
  ! read_chains "$run/courier.own" "$run/courier.chains" || costs_of_rsa "$run/courier.chains" alone
}

# couriertls takes no file to be tested. Adoption itself changes nothing, and each later file has
# been checked as a pair before it is switched.
# Nothing changes yet: until the host has a certificate of ours, Courier serves its own.
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
      # Noted before the file is replaced: after a kill the next run must not take it for the
      # operator's.
      { cat "$adoption/courier.ours" && sha256sum <"$courier_pem"; } | sort -u >"$run/courier.ours"
      place "$run/courier.ours" "$adoption/courier.ours"
      place "$courier_pem" "$file" courier
    fi
  done <"$adoption/courier.files"
}

# courier_is_ours FILE: true if the installer wrote its content.
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

# courier_log SECONDS: what it logged since then of a file that it cannot serve.
courier_log() {
  {
    lines_since "$1" /var/log/mail.log
    for program in imapd-ssl pop3d-ssl courieresmtpd imapd pop3d; do journal_since "$1" "$program"; done
  } | grep -E 'couriertls: /[^ ]*\.pem' || :
}
