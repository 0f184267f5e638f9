# How many blocks of certificates fit into Dovecot's memory.

dovecot_room=

dovecot_facts() {
  fact blocks "$(dovecot_count)"
  fact blocks-max "$(dovecot_blocks_max)"
}

dovecot_count() {
  dovecot_find
  doveconf -c "$dovecot_main" -n 2>/dev/null | grep -c '^local_name' || :
}

# Prints how much memory the config process may use, in kB, or `unlimited`. 2.3 says "the default"
# as 2^64 - 1, and 2.4 as an empty value; the default is on the next line.
dovecot_memory() {
  dovecot_find
  { doveconf -c "$dovecot_main" -h service/config/vsz_limit default_vsz_limit || echo 256 M; } 2>/dev/null | awk '
    $1 == "unlimited" { print; exit }
    $1 != "" {
      unit = $0
      gsub(/[0-9 ]/, "", unit)
      kb = $1 * (unit ~ /^G/ ? 1048576 : unit ~ /^M/ ? 1024 : unit ~ /^[kK]/ ? 1 : 1 / 1024)
      if (kb < 1e12) { print int(kb); exit }
    }'
}

# How many blocks fit into that memory. 2.3: a block takes 137 kB, and a reload needs the old blocks
# and the new ones, so 280 kB a block. Reading more than 5,000 blocks takes over 5 s, and at 10 s
# the master refuses without a message. 2.4: a block takes 10 kB, but 10,000 blocks do not reload in
# 256 MB, because buffers double as they grow; so 50 kB a block. Reading 10,000 takes 5 s.
dovecot_blocks_max() {
  dovecot_speak
  case $dovecot_words in 2.3) set -- 280 5000 ;; *) set -- 50 10000 ;; esac
  dovecot_memory | awk -v each="$1" -v limit="$2" '{ most = $1 == "unlimited" ? limit : int($1 / each); print (most > limit ? limit : most) }'
}

# One more domain with NAMES needs one block on 2.3, and one for each name on 2.4.
dovecot_reserve() {
  dovecot_speak
  : "${dovecot_room:=$(($(dovecot_blocks_max) - $(dovecot_count)))}"
  case $dovecot_words in 2.3) set -- all ;; esac
  if [ "$dovecot_room" -lt $# ]; then
    full="Dovecot's memory (vsz_limit) holds $(dovecot_blocks_max) blocks of certificates, twice over for a reload"
    return 1
  fi
  dovecot_room=$((dovecot_room - $#))
}
