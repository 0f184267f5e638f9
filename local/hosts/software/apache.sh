# shellcheck shell=sh disable=SC2154 # mail-server.sh sets these variables
# A webmail page behind Apache on 443, in Debian's layout of sites.

apache_set_up() {
  webmail_page
  echo "ServerName $hostname" >/etc/apache2/conf-available/server-name.conf
  cat >/etc/apache2/sites-available/webmail.conf <<END
<VirtualHost *:443>
    ServerName $hostname
    DocumentRoot /var/www/webmail
    SSLEngine on
    SSLCertificateFile $certificate
    SSLCertificateKeyFile $key
    <Location /server-name>
        Require all denied
    </Location>
</VirtualHost>
END
  a2enmod -q ssl
  a2enconf -q server-name
  a2dissite -q 000-default
  a2ensite -q webmail
}

apache_start() { is_running /run/apache2/apache2.pid || apachectl start; }
