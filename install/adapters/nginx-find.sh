# What the adapter for nginx makes of what it has read: which server block is the webmail, what is
# to be changed, and what stands in the way.

# Writes $run/nginx.found: what adoption has to know of $run/nginx.read, one thing a line.
#   webmail FILE LINE NAME      the server block that is the webmail
#   other FILE LINE NAME        a server block that could be it, too
#   chain KEY CERTIFICATE       each pair of the webmail, as nginx opens it
#   edit FILE LINE COLUMN LENGTH TEXT…   TEXT is to stand there; `\n` in it is a new line
#   user FILE LINE COLUMN LENGTH WORDS… the `user` directive
#   root DIRECTORY              of the webmail
#   proxied ADDRESS:PORT
#   known NAME                  a name that comes to the webmail
#   ours 1                      the webmail uses our variables, and our file is included
#   stapling 1                  its certificate is stapled
#   obstacle TEXT
# FILE and NAME say which block is the webmail; `-` for both leaves that to what the names show.
# nginx_find FILE NAME
nginx_find() {
  nginx_read
  awk -F '\t' -v want_file="$1" -v want_name="$2" -v server="$server" -v ours="$home/nginx.conf" '
    BEGIN { OFS = "\t"; parent = server; sub(/^[^.]*\./, "", parent) }
    $1 == "open" {
      up[$2] = $3; kind[$2] = $4; file[$2] = $5; line[$2] = $6; column[$2] = $7
      if ($4 == "http" && $3 == 0 && http == "") http = $2
      if ($4 == "server" && kind[$3] == "http") servers[++many] = $2
      if ($4 ~ /_by_lua_block$/) wrong($5 ":" $6 ": Lua in the configuration cannot be read here; move it into a file of its own (" $4 " to _by_lua_file)")
    }
    $1 == "set" {
      where = $4 ":" $5
      if ($3 == "user" && $2 == 0) user = $4 OFS $5 OFS $6 OFS $7 OFS $8
      if ($3 == "ssi" && $8 == "on") wrong(where ": a page with SSI can print any variable of nginx, so its owner would learn where keys are; turn ssi off")
      if ($3 == "include" && $8 == ours && kind[$2] == "http") included = 1
      if ($3 == "root" || $3 == "ssl_stapling" || $3 == "ssl_password_file") value[$2, $3] = $8
      if ($3 == "server_name") name[$2] = name[$2] " " $8
      if ($3 == "ssl" && $8 == "on") secured[$2] = 1
      if ($3 == "ssl_reject_handshake" && $8 == "on") rejects[$2] = 1
      if ($3 == "listen") listen($2, $8)
      if ($3 ~ /^ssl_certificate(_key)?$/) {
        n = ++pairs[$2, $3]
        pair[$2, $3, n] = $8
        place[$2, $3, n] = $4 OFS $5 OFS $6 OFS $7
        used[$4, $5, $6]++
      }
    }
    function wrong(text) { if (obstacle == "") obstacle = text }
    function listen(id, value,   part, n, i, port, address) {
      n = split(value, part, " ")
      if (part[1] ~ /^unix:/) return
      port = 80; address = part[1]
      if (address ~ /^[0-9]+$/) { port = address; address = "*" }
      else if (address ~ /:[0-9]+$/) { port = address; sub(/.*:/, "", port); sub(/:[0-9]+$/, "", address) }
      if (address == "0.0.0.0") address = "*"
      if (port != 443) return
      for (i = 2; i <= n; i++) {
        if (part[i] == "quic") return
      }
      address = address ":" port
      if (!(address in first)) { first[address] = id; order[++addresses] = address }
      listens[id, address] = 1
      for (i = 2; i <= n; i++) {
        if (part[i] == "ssl") tls[address] = 1
        if (part[i] == "default_server" || part[i] == "default") chief[address] = id
        if (part[i] == "proxy_protocol") proxied[address] = 1
      }
    }
    function serves_tls(id,   i) {
      for (i = 1; i <= addresses; i++) if (listens[id, order[i]] && (tls[order[i]] || secured[id])) return 1
      return 0
    }
    function is_generic(id,   part, n, i) {
      n = split(name[id], part, " ")
      for (i = 1; i <= n; i++) if (part[i] == "webmail.*" || part[i] ~ /^~\^[(]*webmail\\\.[^a-z0-9]/) return 1
      return 0
    }
    # The name by which a block is the webmail of this server: its own name, webmail of it or of its
    # domain, or webmail of any.
    function webmail_name(id,   part, n, i) {
      n = split(name[id], part, " ")
      for (i = 1; i <= n; i++)
        if (want_name != "-" ? part[i] == want_name : part[i] == server || part[i] == "webmail." server || (parent ~ /\./ && part[i] == "webmail." parent) || part[i] == "webmail.*" || part[i] ~ /^~\^[(]*webmail\\\./) return part[i]
      return ""
    }
    function short(id,   part) { split(name[id], part, " "); return part[1] == "" ? "without a name" : part[1] }
    function at(id) { return file[id] ":" line[id] }
    END {
      for (i = 1; i <= addresses; i++) {
        if (!(order[i] in chief)) chief[order[i]] = first[order[i]]
        if (proxied[order[i]]) print "proxied", order[i]
      }
      print "user", user
      for (i = 1; i <= many; i++) {
        id = servers[i]
        if (!serves_tls(id) || rejects[id]) continue
        sites++; site = id
        listed = listed (listed == "" ? "" : ", ") at(id) " " short(id)
        if (webmail_name(id) == "" || want_file != "-" && file[id] != want_file) continue
        found++
        if (found == 1) it = id
        else others = others " and " at(id)
      }
      if (included) print "included", 1
      if (found == 1) decide()
      else if (!sites) wrong("no server block answers TLS on 443")
      else if (want_file != "-") wrong(found ? "the name " want_name " is in several server blocks of " want_file ": " at(it) others : want_file " has no server block on 443 with the name " want_name)
      else if (found) wrong(at(it) others " could each be the webmail; say which in the registration: \"webmail\":{\"file\":…,\"name\":…}")
      else wrong("no server block on 443 has a name of this server (webmail." (parent ~ /\./ ? parent : server) ", webmail.* or " server "); say which is the webmail in the registration: \"webmail\":{\"file\":…,\"name\":…}, of " listed)
      if (obstacle != "") print "obstacle", obstacle
    }
    function decide(   i, n, from, part, each) {
      print "webmail", file[it], line[it], webmail_name(it)
      n = split(name[it], part, " ")
      if (is_generic(it)) print "known", "webmail." server
      for (i = 1; i <= n; i++) if (part[i] ~ /^[a-z0-9][a-z0-9.-]*$/ && part[i] ~ /\./) print "known", part[i]
      for (from = it; from != 0 && value[from, "root"] == ""; from = up[from]);
      if (value[from, "root"] != "") print "root", value[from, "root"]
      for (from = it; from != 0 && !pairs[from, "ssl_certificate"]; from = up[from]);
      n = pairs[from, "ssl_certificate"]
      if (!n) return wrong(at(it) ": this server block has no certificate; give it one (ssl_certificate, ssl_certificate_key)")
      if (n != pairs[from, "ssl_certificate_key"]) return wrong(at(it) ": it has not as many keys as certificates")
      if (value[it, "ssl_password_file"] value[up[it], "ssl_password_file"] != "") return wrong(at(it) ": its key has a password (ssl_password_file); store the key without one")
      if (value[it, "ssl_stapling"] == "on" || value[it, "ssl_stapling"] == "" && value[up[it], "ssl_stapling"] == "on") print "stapling", 1
      if (included && from == it && pair[it, "ssl_certificate", 1] == "$sealpost_pem" && pair[it, "ssl_certificate_key", 1] == "$sealpost_pem") { print "ours", 1; return covers() }
      for (i = 1; i <= n; i++) {
        print "chain", pair[from, "ssl_certificate_key", i], pair[from, "ssl_certificate", i]
        for (each = 0; each < 2; each++) {
          split(place[from, "ssl_certificate" (each ? "_key" : ""), i], part, OFS)
          whole = pair[from, "ssl_certificate" (each ? "_key" : ""), i]
          if (whole ~ /^[$]sealpost_pem/) continue
          if (whole ~ /[$]|^(data|engine|store):/) return wrong(part[1] ":" part[2] ": the certificate is chosen by a variable or an engine already (" whole "); name a file")
          if (from != it) continue
          if (used[part[1], part[2], part[3]] > 1) return wrong(part[1] ":" part[2] ": several server blocks include this certificate; set the certificate of the webmail in its own block, " at(it))
          print "edit", part[1], part[2], part[3], part[4], "$sealpost_pem" (i > 1 ? "_" i : "")
        }
      }
      if (from != it) {
        text = ""
        for (i = 1; i <= n; i++) text = text "\\n    ssl_certificate $sealpost_pem" (i > 1 ? "_" i : "") ";\\n    ssl_certificate_key $sealpost_pem" (i > 1 ? "_" i : "") ";"
        print "edit", file[it], line[it], column[it] + 1, 0, text
      }
      if (!included) print "edit", file[http], line[http], column[http] + 1, 0, "\\n    include " ours ";"
      covers()
    }
    # At each place where nginx answers TLS, a name of a customer must come to the webmail.
    function covers(   i) {
      for (i = 1; i <= addresses; i++) {
        if (!tls[order[i]] && !secured[it]) continue
        each = chief[order[i]]
        if (!listens[it, order[i]]) return wrong(at(each) ": nginx answers on " order[i] " without the webmail; let " at(it) " listen there, too")
        if (each == it || is_generic(it)) continue
        return wrong(at(each) ": this block answers on " order[i] " for each name that no block has, so the webmail of a customer is not that of " at(it) "; add webmail.* to server_name there, or make it the default_server")
      }
    }' "$run/nginx.read" >"$run/nginx.found"
}

# nginx_told WHAT: prints the lines of $run/nginx.found that begin so, without that word.
nginx_told() { sed -n "s/^$1	//p" "$run/nginx.found"; }
