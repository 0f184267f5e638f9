# nginx for webmail: one server block whose certificate file is chosen by name at each handshake. So
# a renewed certificate needs no reload. The map has exact names: an unknown name gets the default
# certificate, and no name that a client sends becomes part of a path. (With a pattern the handshake
# of an unknown name would fail.) The worker opens the files, so the files that nginx serves, and no
# others, are 0640 for its group.

adapter nginx webmail by-name

nginx_map=/etc/nginx/conf.d/sealpost.conf
nginx_names=$home/nginx-names

nginx_detect() { nginx -v 2>&1 | sed -n 's|.*nginx/||p' | cut -d' ' -f1; }
nginx_ports() { echo 443; }
nginx_directory() { echo /etc/nginx; }
nginx_readers() { nginx_worker_group; }

nginx_group() { cat "$home/adoption/nginx.group"; }

nginx_readable() { xargs -r sh -c 'chgrp "$0" "$@" && chmod 0640 "$@"' "$(nginx_group)"; }

nginx_render() { awk -v live="$home/live/" '$6 != "-" { print $6, live $1 ".pem;" }' "$1" | sort; }

# nginx_apply BEFORE AFTER CHANGED
nginx_apply() {
  nginx_render "$2" >"$run/nginx.new"
  # A new default needs no reload: the next handshake opens the file.
  default_chain nginx "$2" "$(nginx_group)" || :
  ! cmp -s "$run/nginx.new" "$nginx_names" || return 0
  cp "$nginx_names" "$run/nginx.old"
  place "$run/nginx.new" "$nginx_names"
  if nginx -t >/dev/null 2>"$run/nginx.error"; then
    nginx -s reload >/dev/null 2>&1 || :
  else
    place "$run/nginx.old" "$nginx_names"
    head -n 1 "$run/nginx.error" >"$run/why.nginx"
  fi
}

# Prints `file certificate key named` for each server block that answers TLS on 443. `named` is 1 if
# one of its names has `webmail` in it.
nginx_blocks() {
  nginx -T 2>/dev/null | awk '
    /^# configuration file / { file = $4; sub(/:$/, "", file); next }
    { sub(/#.*/, "") }
    !depth && /^[ \t]*server[ \t]*(\{|$)/ || /[{ \t]server[ \t]*\{/ { inside = 1; base = depth; tls = named = 0; cert = key = "-" }
    inside && /^[ \t]*listen[ \t].*443.*[ \t]ssl/ { tls = 1 }
    inside && /^[ \t]*server_name[ \t].*webmail/ { named = 1 }
    inside && /^[ \t]*ssl_certificate[ \t]/ { cert = $2; sub(/;$/, "", cert) }
    inside && /^[ \t]*ssl_certificate_key[ \t]/ { key = $2; sub(/;$/, "", key) }
    {
      depth += gsub(/\{/, "{") - gsub(/\}/, "}")
      if (inside && depth <= base) { inside = 0; if (tls) print file, cert, key, named }
    }'
}

# The one block that is the webmail: the only block, or the only one that is named so.
nginx_block() {
  nginx_blocks | awk '{ all++; any = $0; if ($4) { some++; named = $0 } } END { if (all == 1) print any; else if (some == 1) print named }'
}

nginx_obstacle() {
  if ! nginx -t >/dev/null 2>&1; then
    echo 'its configuration has an error'
  elif [ -z "$(nginx_block)" ]; then
    echo 'no single server block on 443 is the webmail (server_name webmail…)'
  else
    case $(nginx_block) in
      *' - '*) echo 'its certificate is not set in its server block' ;;
      *\$*) echo 'its certificate file is already a variable' ;;
    esac
  fi
}

nginx_plan() {
  nginx_block | while read -r file certificate key _; do
    echo "$file ssl_certificate $certificate -> \$sealpost_pem"
    echo "$file ssl_certificate_key $key -> \$sealpost_pem"
  done
  echo "$nginx_map map \$ssl_server_name \$sealpost_pem"
}

nginx_worker_group() {
  user=$(nginx -T 2>/dev/null | awk '$1 == "user" { sub(/;$/, "", $2); sub(/;$/, "", $3); print $3 == "" ? $2 : ":" $3; exit }')
  case $user in
    :*) echo "${user#:}" ;;
    *) id -gn "${user:-nobody}" ;;
  esac
}

nginx_adopt() {
  read -r file certificate key _ <<-EOF
	$(nginx_block)
	EOF
  nginx_worker_group >"$adoption/nginx.group"
  printf '%s\n%s\n' "$key" "$certificate" >"$adoption/nginx.chain"
  own_chain nginx "$home/host/nginx.pem"
  echo "$home/host/nginx.pem" | nginx_readable
  # Certificates that were installed before nginx was adopted.
  [ ! -e "$home/domains" ] || awk -v live="$home/live/" '$6 != "-" { print live $1 ".pem" }' "$home/domains" | nginx_readable
  file=$(readlink -f "$file")
  echo "$file" >"$adoption/nginx.file"
  [ -e "$nginx_names" ] || : >"$nginx_names"
  mark_adopting nginx
  {
    echo "# Written by sealpost's adoption, removed by its undo-adoption."
    nginx -T 2>/dev/null | grep -q '^[ \t]*map_hash_max_size' || echo 'map_hash_max_size 32768;'
    # A name may have 253 letters. nginx does not start with a name that does not fit into a bucket.
    nginx -T 2>/dev/null | grep -q '^[ \t]*map_hash_bucket_size' || echo 'map_hash_bucket_size 512;'
    printf 'map $ssl_server_name $sealpost_pem {\n  default %s;\n  include %s;\n}\n' "$home/host/nginx.pem" "$nginx_names"
  } >"$run/nginx.map"
  chmod 0644 "$run/nginx.map"
  place "$run/nginx.map" "$nginx_map"
  nginx_swap "$file" "$certificate" "$key" '$sealpost_pem' '$sealpost_pem'
  nginx -t >/dev/null 2>&1 || return 1
  nginx_asks || return 1
  nginx -s reload >/dev/null 2>&1 || :
}

nginx_asks() { nginx_blocks | grep -Fq ' $sealpost_pem $sealpost_pem '; }

nginx_undo() {
  { read -r key && read -r certificate; } <"$adoption/nginx.chain"
  read -r file <"$adoption/nginx.file"
  # An operator may have removed the file.
  [ ! -e "$file" ] || nginx_swap "$file" '$sealpost_pem' '$sealpost_pem' "$certificate" "$key"
  rm -f "$nginx_map"
  nginx -s reload >/dev/null 2>&1 || :
}

# nginx_swap FILE CERTIFICATE KEY NEW-CERTIFICATE NEW-KEY: replaces only the lines with exactly
# these values.
nginx_swap() {
  cp -p "$1" "$1.sealpost"
  awk -v certificate="$2;" -v key="$3;" -v new_certificate="$4;" -v new_key="$5;" '
    $1 == "ssl_certificate" && $2 == certificate || $1 == "ssl_certificate_key" && $2 == key {
      match($0, /[^ \t]/)
      print substr($0, 1, RSTART - 1) $1 " " ($1 == "ssl_certificate" ? new_certificate : new_key)
      next
    }
    { print }' "$1" >"$run/nginx.site"
  cat "$run/nginx.site" >"$1.sealpost"
  sync "$1.sealpost"
  mv -f "$1.sealpost" "$1"
}
