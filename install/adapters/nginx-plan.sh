# How the adapter for nginx plans: what stands in the way, and the changed files as they will be.

# nginx_unfit KEY CERTIFICATE: prints why they are no pair, or nothing.
nginx_unfit() {
  of_leaf=$(openssl x509 -in "$2" -noout -pubkey 2>/dev/null </dev/null) || of_leaf=
  of_key=$(openssl pkey -in "$1" -pubout -passin pass: 2>/dev/null </dev/null) || of_key=
  if [ -z "$of_leaf" ]; then
    echo "$2: no certificate can be read from it"
  elif [ -z "$of_key" ]; then
    echo "$1: no key can be read from it"
  elif [ "$of_leaf" != "$of_key" ]; then
    echo "$1: it is not the key of $2"
  fi
}

# `nginx -T` reads what nginx was built to read. A master that was started otherwise reads something
# else.
nginx_master() {
  ss -Hltnp 'sport = :443' | grep -o '"nginx",pid=[0-9]*' | sed 's/.*=//' | sort -u | while read -r pid; do
    tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | sed -n 's/^nginx: master process //p'
  done | sort -u >"$run/nginx.masters"
  if [ "$(wc -l <"$run/nginx.masters")" -gt 1 ]; then
    echo 'two instances of nginx answer on 443; leave one of them'
  elif grep -Eq ' -[cp] | -g .*(user|pid) ' "$run/nginx.masters"; then
    echo "it was started with its own configuration ($(head -n 1 "$run/nginx.masters")); start it without -c, -p and -g user"
  fi
}

# A web root of an ordinary user shows that the block is a customer's site, unless the registration
# says otherwise.
nginx_owner() {
  [ "${webmail_file:--}" = - ] || return 0
  nginx_told root | while read -r root; do
    uid=$(stat -c %u "$root" 2>/dev/null) || continue
    [ "$uid" -lt 1000 ] || [ "$uid" = 65534 ] || echo "$(nginx_told webmail | awk -F '\t' '{ print $1 ":" $2 }'): its root $root belongs to $(stat -c %U "$root"), so it may be the site of a customer; say which is the webmail in the registration: \"webmail\":{\"file\":…,\"name\":…}"
  done
}

# nginx_costs_of_rsa: prints what a client that knows only RSA loses. The host's own certificate
# takes the place of the only pair, if that is RSA. It has a web name only on a server without
# mail.
nginx_costs_of_rsa() {
  is_web_alone || return 0
  rm -rf "$run/nginx.pairs"
  mkdir "$run/nginx.pairs"
  nginx_told chain | while IFS='	' read -r _ certificate; do
    certificate=$(nginx_path "$certificate")
    cp "$certificate" "$run/nginx.pairs/$(key_type "$certificate").pem"
  done
  [ "$(find "$run/nginx.pairs" -name '*.pem' | wc -l)" -gt 1 ] || costs_of_rsa "$run/nginx.pairs" alone
}

# A path as nginx reads it: relative to the directory of its main file.
nginx_path() {
  case $1 in
    /*) echo "$1" ;;
    *) echo "$(head -n 1 "$run/nginx.files" | sed 's|/[^/]*	.*||')/$1" ;;
  esac
}

# nginx_made DIRECTORY: writes each file that adoption changes as it will be: `files` has lines `N
# FILE`, and N is the new file.
nginx_made() {
  rm -rf "$1"
  mkdir "$1"
  nginx_told edit >"$1/edits"
  nginx_user >>"$1/edits"
  cut -f 1 "$1/edits" | sort -u | awk '{ print NR, $0 }' >"$1/files"
  while read -r n file; do
    awk -F '\t' -v file="$file" '
      FILENAME == ARGV[1] {
        if ($1 != file) next
        line[++edits] = $2; column[edits] = $3; long[edits] = $4
        text[edits] = $5; gsub(/\\n/, "\n", text[edits])
        next
      }
      {
        # From right to left, so that the columns to the left stay right.
        for (;;) {
          best = 0
          for (i = 1; i <= edits; i++) if (line[i] == FNR && !done[i] && (!best || column[i] > column[best])) best = i
          if (!best) break
          done[best] = 1
          $0 = substr($0, 1, column[best] - 1) text[best] substr($0, column[best] + long[best])
        }
        print
      }' "$1/edits" "$file" >"$1/$n"
  done <"$1/files"
}

# The user of the worker. Without a `user` directive it is the one that nginx was built with.
nginx_user_name() {
  user=$(nginx_told user | cut -f 5 | cut -d' ' -f1)
  user=${user:-$(nginx -V 2>&1 | sed -n 's/.*--user=\([^ ]*\).*/\1/p')}
  echo "${user:-nobody}"
}

# The worker must keep the group that it has now. A group that its user does not have by itself
# would have to be given to all other processes of that user, too.
nginx_group_obstacle() {
  command -v groupadd >/dev/null && command -v gpasswd >/dev/null ||
    echo 'groupadd or gpasswd is missing, with which keys get a group of their own; install the package passwd'
  group=$(nginx_told user | cut -f 5 | awk '{ print $2 }')
  user=$(nginx_user_name)
  [ -z "$group" ] || [ "$group" = "$nginx_group" ] || id -Gn "$user" | tr ' ' '\n' | grep -qx "$group" ||
    echo "$(nginx_told user | awk -F '\t' '{ print $1 ":" $2 }'): the worker has the group $group, which its user $user does not have, so keys cannot have a group of their own; make $user a member of $group"
}

# Prints the edit that gives the worker our group.
nginx_user() {
  IFS='	' read -r file line column long words <<-END
	$(nginx_told user)
	END
  # shellcheck disable=SC2086
  set -- $words
  user=$(nginx_user_name)
  [ "${2-}" != "$nginx_group" ] || return 0
  if [ -z "$words" ]; then
    printf '%s\t1\t1\t0\tuser %s %s;\\n\n' "$(head -n 1 "$run/nginx.files" | cut -f 2)" "$user" "$nginx_group"
  elif [ $# -gt 1 ]; then
    printf '%s\t%s\t%s\t%s\t%s\n' "$file" "$line" "$column" "$long" "$nginx_group"
  else
    printf '%s\t%s\t%s\t0\t %s\n' "$file" "$line" $((column + long)) "$nginx_group"
  fi
}

# Files that a person has edited since: our words go, one by one, and all else stays. nginx does not
# know the variables without our file, also where a person has moved them.
nginx_take_back() {
  [ -e "$adoption/nginx.kept/files" ] || return 0
  while read -r n file; do
    kept=$adoption/nginx.kept/$n
    if [ ! -e "$file" ] || [ ! -e "$kept.wrote" ]; then continue; fi
    if cmp -s "$kept.wrote" "$file" || cmp -s "$kept.before" "$file"; then continue; fi
    awk -F '\t' -v ours="$nginx_conf" -v group="$nginx_group" '
      function put(word, variable, path,   at) {
        if (path ~ /[ \t]/) path = "\"" path "\""
        while (match($0, word "[ \t]+[$]" variable "[ \t]*;")) {
          at = substr($0, RSTART, RLENGTH)
          sub(/[$][^;]*;$/, "", at)
          $0 = substr($0, 1, RSTART - 1) at path ";" substr($0, RSTART + RLENGTH)
        }
      }
      FILENAME == ARGV[1] { key[++n] = $1; certificate[n] = $2; next }
      $0 ~ "^[ \t]*include[ \t]+" ours ";[ \t\r]*$" { next }
      $0 ~ "^[ \t]*user[ \t].*[ \t]" group "[ \t]*;" { sub("[ \t]+" group, "") }
      {
        for (i = 1; i <= n; i++) {
          variable = "sealpost_pem" (i > 1 ? "_" i : "")
          put("ssl_certificate", variable, certificate[i])
          put("ssl_certificate_key", variable, key[i])
        }
        print
      }' "$adoption/nginx.chains" "$file" >"$run/nginx.back"
    replace "$run/nginx.back" "$file"
    rm -f "$kept.wrote"
    echo "kept $file: what was changed in it after adoption stays"
  done <"$adoption/nginx.kept/files"
}

nginx_workers() { grep -lazE '^nginx: worker process *$' /proc/[0-9]*/cmdline 2>/dev/null || :; }

# Waits until the workers of before the reload accept no connection any more: they open keys by the
# old names.
nginx_wait() {
  nginx_until=$(($(date +%s) + 15))
  while [ "$(date +%s)" -lt "$nginx_until" ] && nginx_workers | grep -qxF -f "$run/nginx.workers"; do sleep 0.2; done
}
