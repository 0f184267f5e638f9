# The toy reads its configuration and the certificate at each connection, so nothing is reloaded.
# Its list of names is ours. A name that is not in the list gets the default certificate.

adapter toy mail by-name

toy_conf=/etc/toy/toy.conf
toy_names=$home/toy-names

toy_detect() { [ ! -x /usr/local/sbin/toy ] || echo 1.0; }
toy_ports() { echo 993 465 25; }
toy_programs() { echo toy; }
toy_directory() { echo /etc/toy; }
toy_readers() { echo root; }

toy_certificate() { sed -n 's/^certificate //p' "$toy_conf"; }

toy_obstacle() { [ -f "$(toy_certificate)" ] || echo 'it has no certificate'; }

toy_settings() {
  echo "certificate $home/host/toy.pem"
  echo "names $toy_names"
}

toy_plan() { toy_settings | sed "s|^|$toy_conf |"; }

toy_adopt() {
  toy_certificate >"$adoption/toy.chain"
  own_chain toy "$home/host/toy.pem"
  [ -e "$toy_names" ] || : >"$toy_names"
  mark_adopting toy
  toy_settings >"$run/toy.conf"
  place "$run/toy.conf" "$toy_conf"
  toy_asks
}

toy_asks() { toy_settings | cmp -s - "$toy_conf"; }

toy_undo() {
  # A configuration that somebody has changed since stays.
  toy_asks || return 0
  sed 's/^/certificate /' "$adoption/toy.chain" >"$run/toy.conf"
  place "$run/toy.conf" "$toy_conf"
}

# toy_apply BEFORE AFTER CHANGED
toy_apply() {
  awk -v live="$home/live/" '$5 != "-" { for (i = 7; i <= NF; i++) print $i, live $1 ".pem" }' "$2" >"$run/toy.new"
  cmp -s "$run/toy.new" "$toy_names" || place "$run/toy.new" "$toy_names"
  default_chain toy "$2" || :
}
