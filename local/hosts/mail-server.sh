#!/bin/sh
# Makes a fresh host the mail and webmail server that a hosting provider has before it hears of sealpost: Postfix on 25,
# 465 and 587, Dovecot on 143, 993, 110 and 995, a webmail page behind nginx on 443, all with one self-signed
# certificate, everything else as Debian 12 delivers it. Nothing here is arranged for sealpost.
#   mail-server.sh HOSTNAME MAILBOX PASSWORD
set -eu
hostname=$1 mailbox=$2 password=$3
domain=${mailbox#*@}
case $(dovecot --version) in
2.3.*) ;;
*)
  echo "this set-up is for Dovecot 2.3 (Debian 12), not $(dovecot --version)" >&2
  exit 1
  ;;
esac
certificate=/etc/ssl/certs/server.pem key=/etc/ssl/private/server.key

umask 077
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj "/CN=$hostname" \
  -addext "subjectAltName=DNS:$hostname" -keyout "$key" -out "$certificate" 2>/dev/null
umask 022
chmod 644 "$certificate"
# mmdebstrap ran where the machine's own name was; what Debian derived from it is this host's now.
echo "$hostname" >/etc/mailname

getent group vmail >/dev/null || groupadd -r -g 5000 vmail
getent passwd vmail >/dev/null || useradd -r -u 5000 -g vmail -d /var/vmail -s /usr/sbin/nologin vmail
install -d -o vmail -g vmail -m 700 /var/vmail

postconf -e "myhostname = $hostname" 'inet_protocols = ipv4' 'mydestination = localhost' 'mynetworks = 127.0.0.0/8' \
  'maillog_file = /var/log/mail.log' \
  "smtpd_tls_cert_file = $certificate" "smtpd_tls_key_file = $key" \
  'smtpd_tls_security_level = may' 'smtpd_tls_auth_only = yes' \
  'smtpd_sasl_type = dovecot' 'smtpd_sasl_path = private/auth' \
  "virtual_mailbox_domains = $domain" "virtual_mailbox_maps = inline:{ { $mailbox = $domain/${mailbox%@*}/ } }" \
  'virtual_mailbox_base = /var/vmail' 'virtual_uid_maps = static:5000' 'virtual_gid_maps = static:5000'
# The two submission services as master.cf has them commented out.
postconf -M 'submission/inet=submission inet n - y - - smtpd' 'submissions/inet=submissions inet n - y - - smtpd'
for service in submission submissions; do
  postconf -P "$service/inet/syslog_name=postfix/$service" "$service/inet/smtpd_sasl_auth_enable=yes" \
    "$service/inet/smtpd_relay_restrictions=permit_sasl_authenticated,reject"
done
postconf -P submission/inet/smtpd_tls_security_level=encrypt submissions/inet/smtpd_tls_wrappermode=yes
newaliases

sed -i 's/^!include auth-system/#&/; s/^#!include auth-passwdfile/!include auth-passwdfile/' /etc/dovecot/conf.d/10-auth.conf
sed -i "s|^ssl_cert = .*|ssl_cert = <$certificate|; s|^ssl_key = .*|ssl_key = <$key|" /etc/dovecot/conf.d/10-ssl.conf
cat >/etc/dovecot/local.conf <<END
log_path = /var/log/dovecot.log
mail_location = maildir:/var/vmail/%d/%n
service auth {
  unix_listener /var/spool/postfix/private/auth {
    mode = 0660
    user = postfix
    group = postfix
  }
}
END
echo "$mailbox:{PLAIN}$password:5000:5000::/var/vmail/$domain/${mailbox%@*}" >/etc/dovecot/users
chown root:dovecot /etc/dovecot/users
chmod 640 /etc/dovecot/users

rm -f /etc/nginx/sites-enabled/default
install -d /var/www/webmail
echo "<!doctype html><title>Webmail</title><h1>Webmail of $hostname</h1>" >/var/www/webmail/index.html
cat >/etc/nginx/sites-available/webmail <<END
server {
    listen 443 ssl default_server;
    server_name $hostname;
    ssl_certificate $certificate;
    ssl_certificate_key $key;
    root /var/www/webmail;
}
END
ln -sf ../sites-available/webmail /etc/nginx/sites-enabled/webmail

# What Debian's service does before each start: resolver, services and CA certificates into Postfix's chroot.
/usr/lib/postfix/configure-instance.sh -
