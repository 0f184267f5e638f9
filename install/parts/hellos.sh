# Many looks in one process. An openssl process costs 10 to 17 ms, so one for each name would be
# most of what a delivery costs. Here one Perl process sends the client's hello of TLS 1.2 for many
# names, one after the other, and reads the answer up to ServerHelloDone. All of that is plain text:
# the chain, and the server's signature by the key of its leaf. No cryptography is needed, so
# Debian's perl-base is enough, which is essential. Chains are verified afterwards, all of them by
# one openssl process.
#
# A hello only confirms. What it does not confirm is asked by openssl as a client would: a server
# without TLS 1.2, a host without Perl, and every certificate that is not the one that is expected.
# docs/decisions/0047-many-looks-in-one-process.md

# can_hello: true if this host can send hellos.
can_hello() { [ "${SEALPOST_HELLOS-}" != no ] && command -v perl >/dev/null; }

# hellos DEADLINE: reads lines `ID PORT ADDRESS NAME KEYS HOW PEM` and prints `ID CHAIN` for each
# that the hello confirms. CHAIN is the served certificates, the leaf first, each as base64, with
# commas between.
#   NAME   the name that is sent; `default` sends none
#   KEYS   any; rsa or ecdsa: the client knows signatures of this kind only
#   HOW    old: the leaf of PEM; gone: another one; any: whatever is served
# A line is repeated until DEADLINE (seconds since 1970); each line gets one hello at the least.
hellos() { perl -e "$hellos$base64" "$1" "${proxied-}"; }

# hello_lines DAEMON PORT ADDRESS LIST: prints a line for a hello, with place and names at its end,
# for each line of LIST that is of this daemon. Counts `id` on.
hello_lines() {
  while read -r domain mail web pem how; do
    name_on "$1" "$mail" "$web" || continue
    id=$((id + 1))
    echo "$id $2 $3 $name any $how $pem $domain $mail $web"
  done <"$4"
}

# confirm DAEMON: sends the hellos of $run/hello.DAEMON until `deadline`, and verifies the chains of
# the lines `new`. Writes the lines that are confirmed to $run/confirmed.DAEMON, and the others to
# $run/left.DAEMON.
confirm() {
  : >"$run/seen.$1"
  if [ ! -s "$run/hello.$1" ] || ! can_hello; then
    : >"$run/confirmed.$1"
    cp "$run/hello.$1" "$run/left.$1"
    return
  fi
  sed 's/ new / old /' "$run/hello.$1" | hellos "$deadline" >"$run/seen.$1" || :
  # A chain that was verified for a name at one place is good at each other place of this run.
  touch "$run/trusted.$1"
  awk -v server="$server" -v good="$run/good.$1" '
    BEGIN { printf "" > good }
    FILENAME == ARGV[1] { trusted[$1, $2] = 1; next }
    FILENAME == ARGV[2] { name[$1] = $4 == "default" ? server : $4; pem[$1] = $6 == "new" ? $7 : ""; next }
    (name[$1], $2) in trusted { print $1 > good; next }
    pem[$1] != "" { print $1, name[$1], pem[$1], $2 }' "$run/trusted.$1" "$run/hello.$1" "$run/seen.$1" >"$run/verify.$1"
  if [ -s "$run/verify.$1" ]; then
    verified "$run/verify.$1" "$run/verified.$1" >"$run/now.$1"
    cat "$run/now.$1" >>"$run/good.$1"
    awk 'NR == FNR { good[$1] = 1; next } $1 in good { print $2, $4 }' "$run/now.$1" "$run/verify.$1" >>"$run/trusted.$1"
  fi
  awk -v confirmed="$run/confirmed.$1" -v left="$run/left.$1" '
    BEGIN { printf "" > confirmed; printf "" > left }
    FILENAME == ARGV[1] { good[$1] = 1; next }
    FILENAME == ARGV[2] { seen[$1] = 1; next }
    { print > (($6 == "new" ? $1 in good : $1 in seen) ? confirmed : left) }' "$run/good.$1" "$run/seen.$1" "$run/hello.$1"
}

hellos='
  use strict;
  use Socket qw(:DEFAULT :addrinfo);
  my ($deadline, $proxied) = @ARGV;
  my %proxied = map { $_ => 1 } split " ", $proxied;
  my %suites = (ecdsa => "c02bc02ccca9c009c00ac023c024", rsa => "c02fc030cca8009e009fccaac013c014c027c028");
  my %signatures = (ecdsa => "040305030603", rsa => "080408050806040105010601");
  $suites{any} = $suites{ecdsa} . $suites{rsa};
  $signatures{any} = $signatures{ecdsa} . "08070808" . $signatures{rsa} . "0809080a080b";
  $SIG{PIPE} = "IGNORE";
  $SIG{ALRM} = sub { die "late\n" };
  $| = 1;
  while (<STDIN>) {
    my ($id, $port, $address, $name, $keys, $how, $pem) = split;
    my $want = $how eq "any" ? "" : leaf($pem);
    while (1) {
      my ($final, @chain) = ask($port, $address, $name, $keys);
      if (@chain && ($how eq "any" || $want ne "" && ($how eq "gone" ? $chain[0] ne $want : $chain[0] eq $want))) {
        print "$id ", join(",", map { base64($_) } @chain), "\n";
        last;
      }
      last if $final || time >= $deadline;
      select undef, undef, undef, 0.2;
    }
  }

  # The chain that is served, in DER. $final is true if to ask again is of no use: the server speaks
  # no TLS that this client knows.
  sub ask {
    my ($port, $address, $name, $keys) = @_;
    my ($final, @chain);
    eval {
      alarm 10;
      my $to = dial($address, $port);
      $to->{in} = "";
      upgrade($to, $port);
      send_all($to, hello($name, $keys));
      ($final, @chain) = answer($to);
    };
    alarm 0;
    return ($final, @chain);
  }

  sub dial {
    my ($address, $port) = @_;
    my ($error, $found) = getaddrinfo($address =~ tr/[]//dr, $port, { flags => AI_NUMERICHOST, socktype => SOCK_STREAM });
    die "address\n" if $error;
    socket(my $to, $found->{family}, SOCK_STREAM, 0) or die "no socket\n";
    connect($to, $found->{addr}) or die "refused\n";
    binmode $to;
    my $it = { to => $to };
    if ($proxied{"$address:$port"} || $proxied{"*:$port"}) {
      my (undef, $from, $source) = getnameinfo(getsockname $to, NI_NUMERICHOST | NI_NUMERICSERV);
      my $family = $found->{family} == AF_INET ? "TCP4" : "TCP6";
      send_all($it, "PROXY $family $from " . ($address =~ tr/[]//dr) . " $source $port\r\n");
    }
    return $it;
  }

  sub send_all {
    my ($to, $text) = @_;
    while (length $text) {
      my $n = syswrite $to->{to}, $text or die "closed\n";
      substr($text, 0, $n) = "";
    }
  }

  sub fill { sysread($_[0]{to}, $_[0]{in}, 16384, length $_[0]{in}) or die "closed\n" }

  sub take {
    my ($to, $n) = @_;
    fill($to) while length $to->{in} < $n;
    return substr $to->{in}, 0, $n, "";
  }

  sub until_line {
    my ($to, $pattern) = @_;
    while (1) {
      while ($to->{in} !~ /\n/) {
        die "endless line\n" if length $to->{in} > 65536;
        fill($to);
      }
      $to->{in} =~ s/^(.*)\n//;
      return if $1 =~ $pattern;
    }
  }

  sub upgrade {
    my ($to, $port) = @_;
    if ($port == 25 || $port == 587) {
      until_line($to, qr/^220 /);
      send_all($to, "EHLO mail.example.com\r\n");
      until_line($to, qr/^250 /);
      send_all($to, "STARTTLS\r\n");
      until_line($to, qr/^220 /);
    } elsif ($port == 143) {
      until_line($to, qr/^\* /);
      send_all($to, "a STARTTLS\r\n");
      until_line($to, qr/^a OK/i);
    } elsif ($port == 110) {
      until_line($to, qr/^\+OK/);
      send_all($to, "STLS\r\n");
      until_line($to, qr/^\+OK/);
    }
  }

  # RFC 5246 7.4.1.2. The key shares of nobody are in it, so the random bytes need not be good.
  sub hello {
    my ($name, $keys) = @_;
    my $extensions = $name eq "default" ? "" : extension(0, pack "n/a*", pack "Cn/a*", 0, $name);
    $extensions .= extension(10, pack "n/a*", pack "H*", "001d001700180019");
    $extensions .= extension(11, pack "C/a*", "\0") . extension(23, "");
    $extensions .= extension(13, pack "n/a*", pack "H*", $signatures{$keys});
    my $random = join "", map { chr int rand 256 } 1 .. 32;
    my $body = pack "n a32 C n/a* C/a* n/a*", 0x0303, $random, 0, pack("H*", $suites{$keys} . "00ff"), "\0", $extensions;
    return pack "C n n/a*", 22, 0x0301, pack "C C n/a*", 1, 0, $body;
  }

  sub extension { return pack "n n/a*", @_ }

  # Reads records up to ServerHelloDone. A chain counts only with a signed key exchange after it.
  sub answer {
    my ($to) = @_;
    my ($text, $isSigned, @chain) = ("", 0);
    while (1) {
      my ($type, undef, $length) = unpack "C n n", take($to, 5);
      my $record = take($to, $length);
      if ($type == 21) {
        my ($level, $reason) = unpack "CC", $record;
        next if $level == 1 && $reason != 0;
        return scalar grep { $reason == $_ } 40, 70, 71;
      }
      die "not TLS\n" if $type != 22;
      $text .= $record;
      while (length $text >= 4) {
        my ($kind, $high, $low) = unpack "C C n", $text;
        my $size = ($high << 16) + $low;
        last if length $text < 4 + $size;
        my $message = substr $text, 4, $size;
        substr($text, 0, 4 + $size) = "";
        if ($kind == 2) { return 1 if unpack("n", $message) != 0x0303 }
        elsif ($kind == 11) { @chain = certificates(substr $message, 3) }
        elsif ($kind == 12) { $isSigned = @chain > 0 }
        elsif ($kind == 14) { return $isSigned ? (0, @chain) : 1 }
      }
    }
  }

  sub certificates {
    my ($text) = @_;
    my @all;
    while (length $text >= 3) {
      my ($high, $low) = unpack "C n", $text;
      push @all, substr $text, 3, ($high << 16) + $low;
      substr($text, 0, 3 + ($high << 16) + $low) = "";
    }
    return @all;
  }'

# What both programs of Perl know of PEM. perl-base has no module for it.
base64='
  # The first certificate of a file, in DER.
  sub leaf {
    open my $file, "<", $_[0] or return "";
    my $all = join "", <$file>;
    return $all =~ /-----BEGIN CERTIFICATE-----\s+(.*?)-----END CERTIFICATE-----/s ? from_base64($1) : "";
  }

  sub from_base64 {
    my ($text) = @_;
    $text =~ tr#A-Za-z0-9+/##cd;
    $text =~ tr#A-Za-z0-9+/# -_#;
    my $der = "";
    while ($text =~ /(.{1,60})/gs) { $der .= unpack "u", chr(32 + int(length($1) * 3 / 4)) . $1 }
    return $der;
  }

  sub base64 {
    my $text = join "", map { substr $_, 1 } split /\n/, pack "u", $_[0];
    $text =~ tr#` -_#AA-Za-z0-9+/#;
    my $pad = (3 - length($_[0]) % 3) % 3;
    substr($text, -$pad) = "=" x $pad if $pad;
    return $text;
  }'
