# What we have no adapter for: panels that write the daemons' files anew, and mail software that we do not know.

# Prints why nothing is written here and what to do instead, where a panel runs the server; or nothing.
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

# The programs that listen on a mail port and are none of ours, as `port program` lines. The kernel cuts a program's name
# at 15 letters. A listener is shared with processes of its daemon (imap-login has dovecot's): one known name is enough.
foreign_listeners() {
  ss -Hltnp | awk -v courier="$(courier_detect)" '
    { n = split($4, part, ":"); port = part[n] }
    port !~ /^(25|110|143|465|587|993|995)$/ || /\("(master|exim4?|dovecot)",/ || !match($0, /\(\("[^"]+"/) { next }
    { name = substr($0, RSTART + 3, RLENGTH - 4) }
    name == "couriertcpd" && courier != "" { next }
    !seen[port, name]++ { print port, name }'
}
