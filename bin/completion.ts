/** `sealpost completion`: the lines by which a shell's Tab key completes the command line. */
import { resolve } from 'node:path';
import { FILES, PROPOSE } from './command.ts';
import type { Answer, Here } from './here.ts';

/** A word for a shell, which takes nothing in it as special. */
const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

/** Does without bin/sealpost.mjs, which would start a second Node for each Tab. */
const ASK = [process.execPath, resolve(process.argv[1]!), PROPOSE].map(quoted).join(' ');

const scripts = {
  bash: `# Tab completion of sealpost and npx sealpost: source <(npx sealpost completion bash)
_sealpost() {
  local first=1 word=\${COMP_WORDS[COMP_CWORD]} line
  [[ \${COMP_WORDS[0]} == npx ]] && first=2
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ $line == ${FILES} ]]; then
      compopt -o filenames 2>/dev/null
      mapfile -t -O \${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "$word")
    else
      COMPREPLY+=("$line")
    fi
  done < <(${ASK} "\${COMP_WORDS[@]:first:COMP_CWORD-first+1}" 2>/dev/null)
}
_sealpost_npx() {
  COMPREPLY=()
  [[ \${COMP_WORDS[1]} == sealpost ]] && ((COMP_CWORD > 1)) && _sealpost
}
complete -F _sealpost sealpost
complete -p npx >/dev/null 2>&1 || complete -o default -F _sealpost_npx npx`,
  zsh: `# Tab completion of sealpost and npx sealpost, after compinit: source <(npx sealpost completion zsh)
_sealpost() {
  local first=2 line
  local -a found
  [[ $words[1] == npx ]] && first=3
  for line in "\${(@f)$(${ASK} "\${(@)words[first,CURRENT]}" 2>/dev/null)}"; do
    if [[ $line == ${FILES} ]]; then _files; elif [[ -n $line ]]; then found+=("$line"); fi
  done
  compadd -a found
}
_sealpost_npx() {
  if [[ $words[2] == sealpost ]] && ((CURRENT > 2)); then _sealpost; else _default; fi
}
compdef _sealpost sealpost
(($+_comps[npx])) || compdef _sealpost_npx npx`,
};

export async function completion(_: Here, __: object, shell: keyof typeof scripts): Promise<Answer> {
  return { text: scripts[shell], isWell: true };
}
