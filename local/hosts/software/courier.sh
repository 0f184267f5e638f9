# shellcheck shell=sh disable=SC2154 # mail-server.sh sets these variables
# Courier as Debian 12 has it, with one mailbox: IMAP on 143 and 993, POP3 on 110 and 995, SMTP on
# 25, 465 and 587.

courier_set_up() {
  # Logins come from a file of users.
  sed -i 's/^authmodulelist=.*/authmodulelist="authuserdb"/' /etc/courier/authdaemonrc
  userdb "$mailbox" set "home=/var/vmail/$domain/${mailbox%@*}" "mail=/var/vmail/$domain/${mailbox%@*}" uid=5000 gid=5000
  printf '%s\n%s\n' "$password" "$password" | userdbpw -md5 | userdb "$mailbox" set systempw
  makeuserdb
  install -d -o vmail -g vmail -m 700 "/var/vmail/$domain"
  setpriv --reuid vmail --regid vmail --clear-groups maildirmake.courier "/var/vmail/$domain/${mailbox%@*}"
  # The server accepts mail for the domain, and relays mail of users who logged in over TLS.
  echo "$hostname" >/etc/courier/me
  echo localhost >/etc/courier/locals
  echo "$domain" >"/etc/courier/hosteddomains/$domain"
  echo "$domain" >"/etc/courier/esmtpacceptmailfor.dir/$domain"
  makehosteddomains
  makeacceptmailfor
  makesmtpaccess
  sed -i 's/^TCPDOPTS="/&-nodnslookup /; s/^ESMTPAUTH_TLS=.*/ESMTPAUTH_TLS="PLAIN LOGIN"/' /etc/courier/esmtpd
  sed -i 's/^AUTH_REQUIRED=.*/AUTH_REQUIRED=1/' /etc/courier/esmtpd-ssl /etc/courier/esmtpd-msa
  sed -i 's/^ESMTPDSTART=.*/ESMTPDSTART=YES/' /etc/courier/esmtpd-msa
  # One file for each daemon, with the key in it, where mkimapdcert and similar tools put theirs.
  for each in imapd pop3d esmtpd; do cat "$key" "$certificate" >"/etc/courier/$each.pem"; done
}

courier_start() {
  # systemd-tmpfiles would make these folders.
  install -d -o root -g courier -m 775 /run/courier
  install -d -o courier -g courier -m 750 /run/courier/authdaemon
  is_running /run/courier/authdaemon/pid || authdaemond start
  is_running /run/courier/courierfilter.pid || courierfilter start
  pgrep -x courierd >/dev/null || courier start
  for each in imapd imapd-ssl pop3d pop3d-ssl esmtpd esmtpd-ssl esmtpd-msa; do
    is_running "/run/courier/$each.pid" || "$each" start
  done
}
