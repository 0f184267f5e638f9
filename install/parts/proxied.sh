# Listeners behind a load balancer want a PROXY header before anything else. openssl cannot send
# one, so a relay in Perl does: it takes the handshakes of one run on a socket in $run, and puts the
# header in front. Debian's perl-base is essential. A server without Perl keeps such a listener as
# it is.

# learn_proxied DAEMON: adds what the adapter knows to $proxied, the listeners that want the header:
# ADDRESS:PORT, or *:PORT for each address. It asks the daemon, so only inspections call it.
# A delivery reads what the last inspection stored.
learn_proxied() {
  has "$1" proxied || return 0
  "$1_proxied" >"$run/proxied.new"
  [ -s "$run/proxied.new" ] || return 0
  cat "$run/proxied.new" >>"$run/proxied.list"
  read_proxied "$run/proxied.list"
}

read_proxied() {
  proxied=
  [ -s "$1" ] || return 0
  proxied=$(tr '\n' ' ' <"$1")
  start_relay "$1"
}

# is_proxied PORT ADDRESS
is_proxied() {
  case " ${proxied-} " in *" $2:$1 "* | *" *:$1 "*) return 0 ;; esac
  return 1
}

# proxied_obstacle DAEMON: prints why the proof cannot look at a listener of this daemon, or
# nothing.
proxied_obstacle() {
  ! command -v perl >/dev/null || return 0
  for port in $("$1_ports"); do
    listens "$port" || continue
    for address in $addresses; do
      ! is_proxied "$port" "$address" || {
        echo "port $port wants a PROXY header; install perl, with which the proof sends one"
        return
      }
    done
  done
}

# start_relay LIST: a socket $run/proxied.ADDRESS:PORT for each place that wants the header.
start_relay() {
  command -v perl >/dev/null || return 0
  ports=$(sed 's/.*://' "$1" | sort -u)
  set --
  for port in $ports; do
    listens "$port" || continue
    for address in $addresses; do
      ! is_proxied "$port" "$address" || set -- "$@" "$run/proxied.$address:$port" "$address" "$port"
    done
  done
  [ $# -gt 0 ] || return 0
  perl -e "$relay" $$ "$@" >/dev/null 2>&1 </dev/null 9>&- || stop 50 'the relay for PROXY headers does not start'
}

# relay PID PATH ADDRESS PORT …: returns as soon as its sockets listen, and ends with the process
# PID.
relay='
  use strict;
  use Socket qw(:DEFAULT :addrinfo);
  my ($pid, @to) = @ARGV;
  my (%to, $all);
  $SIG{CHLD} = $SIG{PIPE} = "IGNORE";
  while (my ($path, $address, $port) = splice @to, 0, 3) {
    unlink $path;
    socket(my $door, AF_UNIX, SOCK_STREAM, 0) or exit 1;
    bind($door, sockaddr_un($path)) && listen($door, 20) or exit 1;
    vec($all, fileno $door, 1) = 1;
    $to{fileno $door} = [$door, $address =~ tr/[]//dr, $port];
  }
  exit 0 if fork;
  while (kill 0, $pid) {
    next if select(my $ready = $all, undef, undef, 1) < 1;
    for my $n (grep { vec $ready, $_, 1 } keys %to) {
      my ($door, $address, $port) = @{$to{$n}};
      accept(my $client, $door) or next;
      if (!fork) { carry($client, $address, $port); exit 0 }
      close $client;
    }
  }
  sub carry {
    my ($client, $address, $port) = @_;
    alarm 15;
    my ($error, $found) = getaddrinfo($address, $port, { flags => AI_NUMERICHOST, socktype => SOCK_STREAM });
    return if $error;
    socket(my $server, $found->{family}, SOCK_STREAM, 0) or return;
    connect($server, $found->{addr}) or return;
    my (undef, $from, $source) = getnameinfo(getsockname $server, NI_NUMERICHOST | NI_NUMERICSERV);
    my $family = $found->{family} == AF_INET ? "TCP4" : "TCP6";
    syswrite $server, "PROXY $family $from $address $source $port\r\n";
    my %other = (fileno($client) => [$client, $server], fileno($server) => [$server, $client]);
    my $both = "";
    vec($both, $_, 1) = 1 for keys %other;
    while (select(my $ready = $both, undef, undef, undef) > 0) {
      for my $n (grep { vec $ready, $_, 1 } keys %other) {
        my ($in, $out) = @{$other{$n}};
        sysread($in, my $data, 65536) or return;
        syswrite($out, $data) or return;
      }
    }
  }'
