# What the shared parts know of an adapter. docs/servers/adding-one.md lists its functions.

daemons='' web_servers='' one_certificate=''

# adapter NAME mail|webmail by-name|one-certificate: the first line of each adapter.
# `one-certificate` means that the daemon gets only the host's own certificate, for all names.
adapter() {
  daemons="$daemons $1"
  case $2 in webmail) web_servers="$web_servers $1" ;; esac
  case $3 in one-certificate) one_certificate="$one_certificate $1" ;; esac
}

# has DAEMON FUNCTION: true if the adapter has this optional function.
has() { command -v "$1_$2" >/dev/null; }

is_web() {
  case " $web_servers " in *" $1 "*) return 0 ;; esac
  return 1
}

has_one_certificate() {
  case " $one_certificate " in *" $1 "*) return 0 ;; esac
  return 1
}

# name_on DAEMON MAIL-NAME WEB-NAME: sets `name`, the name to ask this daemon for. False if the
# daemon does not serve the certificate.
name_on() {
  if is_web "$1"; then name=$3; else name=$2; fi
  ! has_one_certificate "$1" || case $name in default | "$server") ;; *) name=- ;; esac
  [ "$name" != - ]
}
