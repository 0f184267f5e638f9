# shellcheck shell=sh disable=SC2154 # mail-server.sh sets these variables
# A webmail page behind nginx on 443.

nginx_set_up() {
  rm -f /etc/nginx/sites-enabled/default
  webmail_page
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
}

nginx_start() { is_running /run/nginx.pid || nginx; }
