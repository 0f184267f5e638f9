# shellcheck shell=sh disable=SC2034,SC2154 # mail-server.sh sets these, dovecot.sh reads those
# Exim on 25, 465 and 587 in Debian's own configuration (not split). It delivers to Dovecot's
# mailboxes.

# Where it asks for passwords.
password_socket=/run/dovecot/auth-exim password_client=Debian-exim

exim_set_up() {
  cat >/etc/exim4/update-exim4.conf.conf <<END
dc_eximconfig_configtype='internet'
dc_other_hostnames='$domain'
dc_local_interfaces='0.0.0.0.25 : 0.0.0.0.465 : 0.0.0.0.587'
dc_readhost=''
dc_relay_domains=''
dc_minimaldns='false'
dc_relay_nets=''
dc_smarthost=''
CFILEMODE='644'
dc_use_split_config='false'
dc_hide_mailname=''
dc_mailname_in_oh='true'
dc_localdelivery='maildir_home'
END
  install -m 640 -g Debian-exim "$key" /etc/exim4/exim.key
  install -m 640 -g Debian-exim "$certificate" /etc/exim4/exim.crt
  cat >/etc/exim4/exim4.conf.localmacros <<END
MAIN_TLS_ENABLE = yes
MAIN_HARDCODE_PRIMARY_HOSTNAME = $hostname
tls_on_connect_ports = 465
disable_ipv6 = true
END
  # The one mailbox is where Dovecot looks for it, and Dovecot checks logins. The template has its
  # authenticators at its end.
  sed -i "s|^begin routers|&\n\nmailbox:\n  driver = accept\n  domains = $domain\n  local_parts = ${mailbox%@*}\n  transport = mailbox|
    s|^begin transports|&\n\nmailbox:\n  driver = appendfile\n  directory = /var/vmail/$domain/${mailbox%@*}\n  maildir_format\n  user = vmail|" \
    /etc/exim4/exim4.conf.template
  cat >>/etc/exim4/exim4.conf.template <<END

dovecot_plain:
  driver = dovecot
  public_name = PLAIN
  server_socket = $password_socket
  server_set_id = \$auth1
  server_advertise_condition = \${if def:tls_in_cipher}
END
  update-exim4.conf
}

exim_start() {
  ! is_running /run/exim4/exim.pid || return 0
  # Debian's own start script does this, too.
  update-exim4.conf
  install -d -o Debian-exim -g Debian-exim -m 750 /run/exim4
  exim4 -bd -q30m -oP /run/exim4/exim.pid
}
