/** `sealpost completion`: the lines by which a shell's Tab key completes the command line. */
import { resolve } from 'node:path';
import { FILES, PROPOSE } from './command.ts';
import type { Answer, Here } from './here.ts';

/** A word for a shell, which takes nothing in it as special. */
const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

/** Does without bin/sealpost.mjs, which would start a second Node for each Tab. */
const ASK = [process.execPath, resolve(process.argv[1]!), PROPOSE].map(quoted).join(' ');

const scripts = {
  bash: `# Tab completion of sealpost: source <(sealpost completion bash)
_sealpost() {
  local word=\${COMP_WORDS[COMP_CWORD]} line
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ $line == ${FILES} ]]; then
      compopt -o filenames 2>/dev/null
      mapfile -t -O \${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "$word")
    else
      COMPREPLY+=("$line")
    fi
  done < <(${ASK} "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _sealpost sealpost`,
  zsh: `# Tab completion of sealpost, after compinit: source <(sealpost completion zsh)
_sealpost() {
  local line
  local -a found
  for line in "\${(@f)$(${ASK} "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    if [[ $line == ${FILES} ]]; then _files; elif [[ -n $line ]]; then found+=("$line"); fi
  done
  compadd -a found
}
compdef _sealpost sealpost`,
};

export async function completion(_: Here, __: object, shell: keyof typeof scripts): Promise<Answer> {
  return { text: scripts[shell], isWell: true };
}
