# What has no adapter: panels that write the daemons' files anew, and unknown mail software.

# If a panel runs this server: prints why nothing is written here, and what to do instead.
panel_refusal() {
  while read -r at panel instead; do
    [ -e "$at" ] || continue
    echo "$panel writes its daemons' files anew, so nothing is written here: $instead"
    return
  done <<-'EOT'
	/usr/local/cpanel/version cPanel let its AutoSSL secure these domains, or move them to a server without a panel
	/usr/local/directadmin/directadmin DirectAdmin let its own Let's Encrypt (with mail_sni=1) secure these domains, or move them to a server without a panel
	/usr/local/psa/version Plesk let its SSL It! extension secure these domains and their mail, or move them to a server without a panel
	/usr/local/hestia/bin HestiaCP let its own Let's Encrypt secure these domains, or move them to a server without a panel
	/usr/local/vesta/bin VestaCP let its own Let's Encrypt secure these domains, or move them to a server without a panel
	/usr/local/ispconfig/server ISPConfig let its own Let's Encrypt secure these domains, or move them to a server without a panel
	/usr/local/CyberCP CyberPanel let its own Let's Encrypt secure these domains, or move them to a server without a panel
	EOT
}

# Prints `port program` for each program that listens on a mail port and belongs to no adapter. The
# kernel cuts a program's name at 15 letters. Several processes may share one listener; it belongs
# to an adapter if one of them does.
foreign_listeners() {
  known=
  for daemon in $daemons; do
    ! has "$daemon" programs || known="$known $("${daemon}_programs")"
  done
  ss -Hltnp | awk -v known=" $known " '
    { n = split($4, part, ":"); port = part[n] }
    port !~ /^(25|110|143|465|587|993|995)$/ { next }
    {
      first = ""
      for (rest = $0; match(rest, /\("[^"]+"/); rest = substr(rest, RSTART + RLENGTH)) {
        program = substr(rest, RSTART + 2, RLENGTH - 3)
        if (index(known, " " program " ")) next
        if (first == "") first = program
      }
      if (first != "" && !seen[port, first]++) print port, first
    }'
}
