# nginx for webmail: one server block whose certificate file is chosen by name at each handshake. So
# a renewed certificate needs no reload. The map has exact names: an unknown name gets the default
# certificate, and no name that a client sends becomes part of a path. (With a pattern the handshake
# of an unknown name would fail.)
#
# The worker opens the files, so it has copies of its own, 0640 for the group sealpost-web. Only the
# worker has this group: other processes of its user (PHP) are denied. A worker also sends a
# customer's visitors what a link in his web space leads to. So the copies are in a directory that
# has a name by chance, and nobody but root can learn that name.

adapter nginx webmail by-name

nginx_conf=$home/nginx.conf
nginx_names=$home/nginx-names
nginx_group=sealpost-web

nginx_detect() { nginx -v 2>&1 | sed -n 's|.*nginx/||p' | cut -d' ' -f1; }
nginx_ports() { echo 443; }
nginx_directory() { echo /etc/nginx; }
nginx_readers() { echo "$nginx_group"; }
nginx_keys() { cat "$adoption/nginx.keys"; }

nginx_render() { awk -v keys="$(nginx_keys)/" '$6 != "-" { print $6, keys $1 ".pem;" }' "$1" | sort; }

# nginx_apply BEFORE AFTER CHANGED
nginx_apply() {
  nginx_copy "$2" "$3"
  nginx_defaults "$2"
  nginx_render "$2" >"$run/nginx.new"
  if ! cmp -s "$run/nginx.new" "$nginx_names"; then
    cp "$nginx_names" "$run/nginx.old" 2>/dev/null || : >"$run/nginx.old"
    place "$run/nginx.new" "$nginx_names"
    if nginx -t >/dev/null 2>"$run/nginx.error"; then
      nginx -s reload >/dev/null 2>&1 || :
    else
      place "$run/nginx.old" "$nginx_names"
      head -n 1 "$run/nginx.error" >"$run/why.nginx"
    fi
  fi
}

# Removes the copies that no name leads to any more. It comes after the proof: until the reload has
# taken place, the workers of before still open the copies of before.
nginx_forget() {
  find "$(nginx_keys)" -name '*.pem' ! -name 'default-*' | awk -v keys="$(nginx_keys)/" '
    FILENAME == ARGV[1] { if ($6 != "-") kept[keys $1 ".pem"] = 1; next }
    !($0 in kept)' "$home/domains" - | xargs -r rm -f
}

# nginx_copy LIST CHANGED: copies the certificates of the changed places that have a web name.
nginx_copy() {
  nginx_to=$(nginx_keys) nginx_changed=$2
  if [ ! -d "$nginx_to" ] || [ ! -e "$nginx_names" ]; then
    awk '{ print $1 }' "$1" >"$run/nginx.all"
    nginx_changed=$run/nginx.all
  fi
  mkdir -p "$nginx_to"
  chgrp "$nginx_group" "$nginx_to" && chmod 0710 "$nginx_to"
  awk -v live="$home/live/" 'FILENAME == ARGV[1] { changed[$1] = 1; next } $1 in changed && $6 != "-" { print live $1 ".pem" }' \
    "$nginx_changed" "$1" >"$run/nginx.copied"
  rm -rf "$nginx_to/new"
  [ -s "$run/nginx.copied" ] || return 0
  mkdir "$nginx_to/new"
  xargs cp -t "$nginx_to/new" <"$run/nginx.copied" || stop 50 "$nginx_to cannot be written"
  find "$nginx_to/new" -name '*.pem' -exec chgrp "$nginx_group" {} + -exec chmod 0640 {} + -exec sync {} +
  find "$nginx_to/new" -name '*.pem' -exec mv -f -t "$nginx_to" {} +
  rmdir "$nginx_to/new"
}

# nginx_defaults LIST: keeps default-N.pem, what the variable N has for a client that sends no name
# or an unknown one: the N-th pair of the operator, as the operator renews it. The host's own
# certificate takes the place of the pair of the same key type (else of the first one), if the host
# has a web name.
nginx_defaults() {
  nginx_n=0 nginx_slot=0
  host=$(awk '$2 == "host" && $6 != "-" { print $1; exit }' "$1")
  [ -z "$host" ] || nginx_slot=$(nginx_slot_of "$home/live/$host.pem")
  while IFS='	' read -r key certificate; do
    nginx_n=$((nginx_n + 1))
    nginx_default=$(nginx_keys)/default-$nginx_n.pem
    if [ "$nginx_n" = "$nginx_slot" ]; then
      cp "$home/live/$host.pem" "$run/nginx.default"
    else
      cat "$key" "$certificate" >"$run/nginx.default" 2>/dev/null || continue
    fi
    ! cmp -s "$run/nginx.default" "$nginx_default" || continue
    [ -z "$(nginx_unfit "$run/nginx.default" "$run/nginx.default")" ] || continue
    place "$run/nginx.default" "$nginx_default" "$nginx_group"
  done <"$adoption/nginx.chains"
}

nginx_slot_of() {
  nginx_type=$(key_type "$1")
  while IFS='	' read -r _ certificate; do key_type "$certificate"; done <"$adoption/nginx.chains" |
    awk -v type="$nginx_type" '$0 == type { n = NR; exit } END { print n ? n : 1 }'
}

# What the webmail is: said in the registration, or recorded at adoption, or to be seen by its
# names.
nginx_look() {
  webmail_is nginx
  # shellcheck disable=SC2154 # webmail_is sets them
  nginx_find "$its_file" "$its_name"
}

nginx_obstacle() {
  if ! nginx -t >/dev/null 2>"$run/nginx.error"; then
    # `nginx: [emerg] …`, or `2026/12/01 13:51:24 [emerg] 408#408: …` once nginx has opened its log.
    sed -n 's/^.*\[emerg\] \([0-9#]*: \)*\(.*\) in \(\/.*:[0-9]*\)$/\3: \2; mend it/p; t
      s/^.*\[emerg\] \([0-9#]*: \)*\(.*\)/its configuration has an error: \2; mend it/p' "$run/nginx.error" | grep . ||
      echo "its configuration has an error: $(head -n 1 "$run/nginx.error"); mend it"
    return
  fi
  nginx_master
  nginx_look
  nginx_told obstacle
  nginx_told chain | while IFS='	' read -r key certificate; do nginx_unfit "$(nginx_path "$key")" "$(nginx_path "$certificate")"; done
  ! nginx_told ours | grep -q . || return 0
  nginx_owner
  nginx_group_obstacle
  nginx_made "$run/nginx.made"
  while read -r _ file; do others_write "$file"; done <"$run/nginx.made/files"
}

nginx_plan() {
  nginx_look
  nginx_made "$run/nginx.made"
  while read -r n file; do
    changes "$file" "$run/nginx.made/$n"
  done <"$run/nginx.made/files"
  nginx_told webmail | awk -F '\t' '{ print "costs that " $1 ":" $2 " (" $3 ") answers the webmail name of each customer" }'
  user=$(nginx_user_name)
  echo "costs a group $nginx_group, which only the worker of nginx has and which may read the keys of webmail names"
  id -Gn "$user" | grep -qw "$nginx_group" || echo "costs a line in /etc/group: $user becomes a member of its own group $(id -gn "$user"), so that nginx can read what it could read before"
  ! nginx_told stapling | grep -q . || echo 'costs OCSP stapling: nginx does not staple a certificate that is chosen by name'
  nginx_costs_of_rsa
  echo 'costs one reload'
}

# nginx_stage DIRECTORY: nginx tests the changed files in the place of its own, which no other
# process sees: they are mounted over its own in a mount namespace. Where that is forbidden (a
# container), nginx tests them when they are written, before its reload.
nginx_stage() {
  nginx_look
  nginx_made "$1/made"
  user=$(nginx_user_name)
  { cat /etc/group && ! grep "^$nginx_group:" /etc/group >/dev/null && echo "$nginx_group:x:64999:"; } >"$1/group" || :
  [ -e "$nginx_names" ] || : >"$nginx_names"
  nginx_map "$home/web" >"$1/map"
  place "$1/map" "$nginx_conf"
  unshare -m true 2>/dev/null || return 0
  unshare -m sh -c '
    set -e
    mount --bind "$0/group" /etc/group
    while read -r n file; do mount --bind "$0/made/$n" "$file"; done <"$0/made/files"
    nginx -t' "$1" 2>"$1/error" || sed -n 's/^.*\[emerg\] \([0-9#]*: \)*//p; t; $p' "$1/error" | head -n 1
}

nginx_adopt() {
  nginx_look
  nginx_made "$run/nginx.made"
  nginx_told webmail | awk -F '\t' '{ print $3, $1 }' >"$adoption/nginx.webmail"
  nginx_told chain | while IFS='	' read -r key certificate; do
    printf '%s\t%s\n' "$(nginx_path "$key")" "$(nginx_path "$certificate")"
  done >"$adoption/nginx.chains"
  echo "$home/web-$(openssl rand -hex 16)" >"$adoption/nginx.keys"
  nginx_user_name >"$adoption/nginx.user"
  id -Gn "$(nginx_user_name)" >"$adoption/nginx.groups"
  while read -r _ file; do keep nginx "$file" || return 1; done <"$run/nginx.made/files"
  mark_adopting nginx
  nginx_make_group || return 1
  awk '{ print $1 }' "$home/domains" >"$run/nginx.everything"
  nginx_copy "$home/domains" "$run/nginx.everything"
  nginx_defaults "$home/domains"
  nginx_render "$home/domains" >"$run/nginx.new"
  place "$run/nginx.new" "$nginx_names"
  nginx_map "$(nginx_keys)" >"$run/nginx.map"
  place "$run/nginx.map" "$nginx_conf"
  # The file with `user` and `include` comes first: the other may have the variable only after it.
  sort -k 2 "$run/nginx.made/files" >"$run/nginx.files.sorted"
  main=$(nginx_told user | cut -f 1)
  { awk -v main="$main" '$2 == main' "$run/nginx.made/files" && awk -v main="$main" '$2 != main' "$run/nginx.made/files"; } >"$run/nginx.order"
  while read -r n file; do rewrite nginx "$file" "$run/nginx.made/$n" || return 1; done <"$run/nginx.order"
  nginx -t >/dev/null 2>&1 || return 1
  nginx_asks || return 1
  nginx -s reload >/dev/null 2>&1 || :
}

nginx_make_group() {
  grep -q "^$nginx_group:" /etc/group || groupadd --system "$nginx_group" >/dev/null 2>&1 || return 1
  user=$(cat "$adoption/nginx.user")
  first=$(id -gn "$user")
  # A member in /etc/group, so that the worker keeps this group beside ours.
  getent group "$first" | cut -d: -f4 | tr ',' '\n' | grep -qx "$user" || {
    echo "$user $first" >"$adoption/nginx.member"
    gpasswd -a "$user" "$first" >/dev/null 2>&1
  }
}

# nginx_map DIRECTORY: prints our part of the configuration. One variable for each pair that the
# webmail had: a name of ours has the same file in all of them.
nginx_map() {
  echo "# Written by sealpost's adoption, removed by its undo-adoption."
  grep -q '	map_hash_max_size	' "$run/nginx.read" || echo 'map_hash_max_size 32768;'
  # A name may have 253 letters. nginx does not start with a name that does not fit into a bucket.
  grep -q '	map_hash_bucket_size	' "$run/nginx.read" || echo 'map_hash_bucket_size 512;'
  nginx_told chain | awk -v to="$1" -v names="$nginx_names" '{
    printf "map $ssl_server_name $sealpost_pem%s {\n  default %s/default-%d.pem;\n  include %s;\n}\n", (NR > 1 ? "_" NR : ""), to, NR, names
  }'
}

nginx_asks() {
  nginx_look
  nginx_told ours | grep -q . && nginx_told user | grep -q "	[^	]* $nginx_group\$"
}

# What nginx still uses stays: a worker without its keys would serve nobody.
nginx_undo() {
  nginx_take_back
  give_back nginx
  if nginx -t >/dev/null 2>"$run/nginx.error"; then
    nginx_workers >"$run/nginx.workers"
    nginx -s reload >/dev/null 2>&1 || :
    nginx_wait
    nginx -T 2>/dev/null >"$run/nginx.whole"
  else
    echo "kept $home: its configuration has an error, so what it serves from there stays: $(head -n 1 "$run/nginx.error")"
    return 0
  fi
  if grep -q "$nginx_conf" "$run/nginx.whole"; then
    echo "kept $nginx_conf: its configuration still includes it"
    return 0
  fi
  rm -f "$nginx_conf" "$nginx_names"
  [ ! -s "$adoption/nginx.keys" ] || rm -rf "$(nginx_keys)"
  if [ -e "$adoption/nginx.member" ]; then
    read -r user group <"$adoption/nginx.member"
    gpasswd -d "$user" "$group" >/dev/null 2>&1 || :
    rm -f "$adoption/nginx.member"
  fi
  grep -q "$nginx_group" "$run/nginx.whole" || ! grep -q "^$nginx_group:" /etc/group || groupdel "$nginx_group" >/dev/null 2>&1 || :
}

nginx_proxied() {
  nginx_look
  nginx_told proxied
}

nginx_known() {
  nginx_look
  nginx_told known
}

# What strange clients do is logged, too, as `crit`, and is no fault of the configuration.
nginx_log() {
  nginx_from=$(date -d "@$1" '+%Y/%m/%d %H:%M:%S')
  nginx_read
  { nginx -V 2>&1 | grep -o -e '--error-log-path=[^ ]*' | sed 's/.*=//' &&
    awk -F '\t' '$1 == "set" && $3 == "error_log" { sub(/ .*/, "", $8); print $8 }' "$run/nginx.read"; } | sort -u |
    while read -r log; do
      [ ! -r "$log" ] || tail -n 1000 "$log" | awk -v from="$nginx_from" '$1 " " $2 >= from && /\[(emerg|alert)\]|cannot load certificate/'
    done
}
