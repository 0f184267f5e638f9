# How many blocks of certificates fit into Dovecot's memory.

dovecot_room='' dovecot_max='' dovecot_more=0 dovecot_reload_kb=

dovecot_facts() {
  rm -f "$run/dovecot.settings"
  fact blocks "$(dovecot_count)"
  fact blocks-max "$(dovecot_blocks_max)"
  dovecot_measure
  fact reload "needs $dovecot_reload_kb kB, $dovecot_base has ${dovecot_free_kb:-no file of it}, $(dovecot_generations) earlier configurations are alive"
}

# Our blocks, and those of the operator's files. doveconf would read each of them.
dovecot_count() {
  dovecot_find
  {
    grep '^local_name' "$dovecot_blocks" 2>/dev/null || :
    dovecot_read | awk -F '\t' '$2 ~ /^local_name / && !seen[$2]++'
  } | wc -l
}

# Prints how much memory the config process may use, in kB, or `unlimited`. 2.3 says "the default"
# as 2^64 - 1, and 2.4 as an empty value; the default is on the next line.
dovecot_memory() {
  dovecot_find
  { dovecot_asked service_config_vsz_limit default_vsz_limit && echo 256 M; } | awk '
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

# dovecot_reserve NAMES…: one more domain with NAMES needs one block on 2.3, and one for each name
# on 2.4. A renewal has no NAMES here: it needs a reload, and no block.
dovecot_reserve() {
  dovecot_speak
  dovecot_find
  : "${dovecot_max:=$(dovecot_blocks_max)}"
  : "${dovecot_room:=$((dovecot_max - $(dovecot_count)))}"
  case $#-$dovecot_words in 0-*) ;; *-2.3) set -- all ;; esac
  if [ "$dovecot_room" -lt $# ]; then
    full="Dovecot's memory (vsz_limit) holds $dovecot_max blocks of certificates, twice over for a reload"
    return 1
  fi
  [ -n "$dovecot_reload_kb" ] || dovecot_measure
  dovecot_has_room $((dovecot_more + $#)) || return 1
  dovecot_room=$((dovecot_room - $#)) dovecot_more=$((dovecot_more + $#))
}

# dovecot_has_room MORE: false if a reload with MORE blocks has no room; `full` then says why. It is
# asked for each certificate, and a fork would cost as much as the proof. At each reload 2.4 writes
# its whole configuration twice, to files of $base_dir, which is in memory. A file is freed when the
# last session of its generation ends. If the file system is full, the reload fails, and from then
# on every new login fails, too (measured on 2.4.1). With 2.3 the config process has all blocks in
# its own memory, before and after.
dovecot_has_room() {
  dovecot_need=$((dovecot_reload_kb + $1 * dovecot_block_kb))
  if [ "${dovecot_free_kb:-$dovecot_need}" -lt "$dovecot_need" ]; then
    full="a reload of Dovecot needs $dovecot_need kB in $dovecot_base, which has $dovecot_free_kb kB free; $(dovecot_generations) earlier configurations are held by sessions that go on: make $dovecot_base larger, or end old sessions"
  elif [ "$dovecot_memory_kb" -lt "$dovecot_need" ]; then
    full="a reload of Dovecot needs $dovecot_need kB of memory, and $dovecot_memory_kb kB are available"
  else
    return 0
  fi
  return 1
}

# Prints how many earlier configurations are alive: files of 2.4 that processes still use.
dovecot_generations() {
  cat /proc/[0-9]*/maps 2>/dev/null | awk '/\/dovecot\.conf\.binary \(deleted\)$/ && !seen[$5]++ { n++ } END { print n + 0 }'
}

# Sets what a reload needs now, what each block adds to it, and what is free. A block of 2.4 takes
# up to 3.3 kB in each of the two files.
dovecot_measure() {
  dovecot_find
  dovecot_speak
  dovecot_base=$(dovecot_asked base_dir)
  : "${dovecot_base:=/run/dovecot}"
  dovecot_memory_kb=$(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo)
  case $dovecot_words in
    2.3)
      dovecot_block_kb=140 dovecot_free_kb=''
      dovecot_reload_kb=$(($({ grep '^local_name' "$dovecot_blocks" 2>/dev/null || :; } | wc -l) * 140 + 1024))
      ;;
    *)
      dovecot_block_kb=7
      dovecot_reload_kb=$(($(stat -c %s "$dovecot_base/dovecot.conf.binary" 2>/dev/null || echo 0) / 512 + 1024))
      dovecot_free_kb=$(df -Pk "$dovecot_base" | awk 'NR == 2 { print $4 }')
      ;;
  esac
}

# What `doveadm reload` does, which reads all blocks first.
dovecot_hup() {
  pid=$(dovecot_listeners | awk '{ print $1; exit }')
  { [ -n "$pid" ] && kill -HUP "$pid"; } 2>/dev/null || doveadm -c "$dovecot_main" reload >/dev/null 2>&1 || :
}

# Reloads. If there is no room, or if an error is logged within a second, the reason is in
# $run/why.dovecot, and the proof does not wait for this daemon: the change is put back at once. The
# exit code of `doveadm reload` is always 0.
dovecot_reload_watched() {
  dovecot_measure
  if ! dovecot_has_room 0; then
    echo "$full" >"$run/dovecot.said"
  else
    reloaded=$(date +%s)
    dovecot_hup
    for wait in 0.3 0.6; do
      sleep "$wait"
      dovecot_log "$reloaded" | head -n 1 >"$run/dovecot.said"
      [ ! -s "$run/dovecot.said" ] || break
    done
    [ -s "$run/dovecot.said" ] || return 0
  fi
  cp "$run/dovecot.said" "$run/why.dovecot"
  : >"$run/hopeless.dovecot"
}
