# shellcheck shell=sh disable=SC2034,SC2154 # mail-server.sh sets these, dovecot.sh reads those
# Postfix on 25, 465 and 587, as a small hosting provider has it.

# Where it asks for passwords: inside of its chroot.
password_socket=/var/spool/postfix/private/auth password_client=postfix

postfix_set_up() {
  postconf -e "myhostname = $hostname" 'inet_protocols = ipv4' 'mydestination = localhost' 'mynetworks = 127.0.0.0/8' \
    'maillog_file = /var/log/mail.log' \
    "smtpd_tls_cert_file = $certificate" "smtpd_tls_key_file = $key" \
    'smtpd_tls_security_level = may' 'smtpd_tls_auth_only = yes' \
    'smtpd_sasl_type = dovecot' 'smtpd_sasl_path = private/auth' \
    "virtual_mailbox_domains = $domain" "virtual_mailbox_maps = inline:{ { $mailbox = $domain/${mailbox%@*}/ } }" \
    'virtual_mailbox_base = /var/vmail' 'virtual_uid_maps = static:5000' 'virtual_gid_maps = static:5000'
  # master.cf has the two submission services commented out.
  postconf -M 'submission/inet=submission inet n - y - - smtpd' 'submissions/inet=submissions inet n - y - - smtpd'
  for service in submission submissions; do
    postconf -P "$service/inet/syslog_name=postfix/$service" "$service/inet/smtpd_sasl_auth_enable=yes" \
      "$service/inet/smtpd_relay_restrictions=permit_sasl_authenticated,reject"
  done
  postconf -P submission/inet/smtpd_tls_security_level=encrypt submissions/inet/smtpd_tls_wrappermode=yes
  # Postfix waits with a main.cf that changed within the last two seconds.
  touch -d "1 minute ago" /etc/postfix/main.cf
  newaliases
  # Postfix's chroot needs resolver, services and CA certificates. Since Debian 13 `postfix start`
  # copies them.
  case $(postconf -h mail_version) in 3.7.*) /usr/lib/postfix/configure-instance.sh - ;; esac
}

postfix_start() {
  ! postfix status 2>/dev/null || return 0
  install -D -m 644 /etc/resolv.conf /var/spool/postfix/etc/resolv.conf
  postfix start 2>/dev/null
}
