# shellcheck shell=sh disable=SC2154 # mail-server.sh sets these variables
# Dovecot on 143, 993, 110 and 995, with one mailbox. The mail transport agent asks it about
# passwords.

dovecot_set_up() {
  sed -i 's/^!include auth-system/#&/; s/^#!include auth-passwdfile/!include auth-passwdfile/' /etc/dovecot/conf.d/10-auth.conf
  case $(dovecot --version) in
  2.3.*)
    sed -i "s|^ssl_cert = .*|ssl_cert = <$certificate|; s|^ssl_key = .*|ssl_key = <$key|" /etc/dovecot/conf.d/10-ssl.conf
    mail='mail_location = maildir:/var/vmail/%d/%n'
    ;;
  *)
    sed -i "s|^ssl_server_cert_file = .*|ssl_server_cert_file = $certificate|; s|^ssl_server_key_file = .*|ssl_server_key_file = $key|" \
      /etc/dovecot/conf.d/10-ssl.conf
    # In Debian 13 the file of users is commented out, and mail is an mbox in /var/mail.
    mail='passdb passwd-file {
  passwd_file_path = /etc/dovecot/users
}
userdb passwd-file {
  passwd_file_path = /etc/dovecot/users
}
mail_driver = maildir
mail_home = /var/vmail/%{user | domain}/%{user | username}
mail_path = %{home}
mail_inbox_path ='
    ;;
  esac
  cat >/etc/dovecot/local.conf <<END
log_path = /var/log/dovecot.log
$mail
service auth {
  unix_listener ${password_socket:-auth-unused} {
    mode = 0660
    user = ${password_client:-root}
    group = ${password_client:-root}
  }
}
END
  echo "$mailbox:{PLAIN}$password:5000:5000::/var/vmail/$domain/${mailbox%@*}" >/etc/dovecot/users
  chown root:dovecot /etc/dovecot/users
  chmod 640 /etc/dovecot/users
}

dovecot_start() { is_running /run/dovecot/master.pid || dovecot; }
