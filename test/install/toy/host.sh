# shellcheck shell=sh disable=SC2154 # mail-server.sh sets what is used here
# A toy mail server in Perl: SMTP on 25 and 465, IMAP on 993.

toy_set_up() {
  # The toy has no package. Its host is made from the root of Courier's host, and loses Courier.
  dpkg --remove --force-depends courier-base >/dev/null 2>&1
  install -d /etc/toy
  cat "$key" "$certificate" >/etc/toy/toy.pem
  echo 'certificate /etc/toy/toy.pem' >/etc/toy/toy.conf
  toy_daemon >/usr/local/sbin/toy
  chmod 755 /usr/local/sbin/toy
}

toy_start() { is_running /run/toy.pid || toy; }

toy_daemon() {
  cat <<'END'
#!/usr/bin/perl
# A toy mail server: SMTP on 25 and 465, IMAP on 993. It takes every mailbox and keeps no mail. A
# process serves each connection. It reads the name in the ClientHello, chooses the certificate, and
# lets openssl speak TLS. It reads /etc/toy/toy.conf at each connection:
#   certificate FILE   key and chain for a client that sends no name or an unknown name
#   names FILE         lines `name file`; a name may be `*.example.com`
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use IPC::Open2;
use Socket qw(MSG_PEEK SOCK_STREAM);

$SIG{CHLD} = $SIG{PIPE} = 'IGNORE';
my @listeners = map { IO::Socket::INET->new(LocalPort => $_, Listen => 64, ReuseAddr => 1) or die "$_: $!\n" } 25, 465, 993;
exit if fork;
write_file('/run/toy.pid', "$$\n");
open STDIN, '<', '/dev/null';
open STDOUT, '>', '/dev/null';
open STDERR, '>', '/dev/null';
my $listening = IO::Select->new(@listeners);
while (my @ready = $listening->can_read) {
  for my $listener (@ready) {
    my $client = $listener->accept or next;
    next if fork;
    my $port = $listener->sockport;
    close $_ for @listeners;
    serve($client, $port);
    exit;
  }
}

sub serve {
  my ($client, $port) = @_;
  start_tls($client) or return if $port == 25;
  my $pem = certificate_for(name_sent_by($client));
  # openssl takes no connection that is there already: it listens on a socket of its own.
  my $directory = "/run/toy.$$";
  mkdir $directory, 0700;
  my ($leaf, @chain) = read_file($pem) =~ /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/g;
  write_file("$directory/chain", @chain);
  my @server = ('openssl', 's_server', '-quiet', '-naccept', 1, '-unix', "$directory/tls", '-cert', $pem, '-key', $pem);
  my $openssl = open2(my $from, my $to, @server, @chain ? ('-cert_chain', "$directory/chain") : ());
  my $tls;
  for (1 .. 500) {
    last if $tls = IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => "$directory/tls");
    select undef, undef, undef, 0.01;
  }
  relay($client, $tls, $from, $to, $port) if $tls;
  kill TERM => $openssl;
  unlink glob "$directory/*";
  rmdir $directory;
}

# Bytes of TLS between the client and openssl, and what the client said in them to the protocol.
sub relay {
  my ($client, $tls, $from, $to, $port) = @_;
  syswrite $to, $port == 993 ? "* OK toy\r\n" : $port == 465 ? "220 toy ESMTP\r\n" : '';
  my $said = '';
  my $all = IO::Select->new($client, $tls, $from);
  while (my @ready = $all->can_read) {
    for my $one (@ready) {
      sysread $one, my $bytes, 65536 or return;
      if ($one == $client) { syswrite $tls, $bytes }
      elsif ($one == $tls) { syswrite $client, $bytes }
      else {
        $said .= $bytes;
        while ($said =~ s/^([^\n]*?)\r?\n//) { syswrite $to, $port == 993 ? imap($1) : smtp($1) }
      }
    }
  }
}

my $idle;

sub imap {
  my ($tag, $command) = split ' ', shift;
  $idle = $tag if uc($command // '') eq 'IDLE';
  return "+ idling\r\n" if uc($command // '') eq 'IDLE';
  return (uc($tag // '') eq 'DONE' ? $idle : $tag // '*') . " OK\r\n";
}

sub smtp { return shift =~ /^QUIT/i ? "221 bye\r\n" : "250 toy\r\n" }

# Speaks SMTP until STARTTLS, a byte at a time, since the next byte is the client's handshake.
sub start_tls {
  my $client = shift;
  syswrite $client, "220 toy ESMTP\r\n";
  my $line = '';
  while (sysread $client, my $byte, 1) {
    next if ($line .= $byte) !~ /\n$/;
    my $is_start = $line =~ /^STARTTLS/i;
    syswrite $client, $is_start ? "220 go on\r\n" : $line =~ /^EHLO/i ? "250-toy\r\n250 STARTTLS\r\n" : smtp($line);
    return 1 if $is_start;
    return 0 if $line =~ /^QUIT/i;
    $line = '';
  }
  return 0;
}

# The name in the ClientHello (RFC 6066 section 3), which stays in the socket for openssl.
sub name_sent_by {
  my $client = shift;
  my $hello = '';
  for (1 .. 500) {
    recv $client, $hello, 16384, MSG_PEEK;
    last if $hello eq '' || length $hello >= 5 && length $hello >= 5 + unpack('x3 n', $hello);
    select undef, undef, undef, 0.01;
  }
  my $name = eval {
    my $at = 43;                         # after two headers, the version and the random
    $at += 1 + unpack "x$at C", $hello; # session
    $at += 2 + unpack "x$at n", $hello; # cipher suites
    $at += 3 + unpack "x$at C", $hello; # compression, and the length of what follows
    while ($at + 4 < length $hello) {
      my ($type, $length) = unpack "x$at n n", $hello;
      return lc substr $hello, $at + 9, $length - 5 if $type == 0;
      $at += 4 + $length;
    }
    '';
  };
  return $name // '';
}

sub certificate_for {
  my $name = shift;
  my %setting = read_file('/etc/toy/toy.conf') =~ /^(\S+) (\S+)$/mg;
  my %file = read_file($setting{names} // '/dev/null') =~ /^(\S+) (\S+)$/mg;
  (my $wildcard = $name) =~ s/^[^.]*/*/;
  return $file{$name} // $file{$wildcard} // $setting{certificate};
}

sub read_file {
  my $path = shift;
  open my $file, '<', $path or return '';
  local $/;
  return <$file> // '';
}

sub write_file {
  my ($path, @text) = @_;
  open my $file, '>', $path or die "$path: $!\n";
  print $file @text;
  close $file;
}
END
}
