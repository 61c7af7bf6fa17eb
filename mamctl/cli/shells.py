"""The scripts that let a shell complete: each asks mamctl itself, so they never have to be written anew.

Between script and mamctl go the words of the line, the position of the cursor's word, and back one candidate a line.
"""

from __future__ import annotations

from typing import Final

BASH: Final = r"""# mamctl completion for bash (3.2 or newer): eval "$(mamctl completion bash)"
_mamctl_completion() {
    local line kind value current="${COMP_WORDS[COMP_CWORD]}"
    COMPREPLY=()
    while IFS= read -r line; do
        kind="${line%%,*}" value="${line#*,}"
        if [ "$kind" = file ]; then
            compopt -o filenames 2>/dev/null
            while IFS= read -r value; do COMPREPLY+=("$value"); done < <(compgen -f -- "${current#=}")
        else
            COMPREPLY+=("$value")
            case "$value" in *=) compopt -o nospace 2>/dev/null ;; esac
        fi
    done < <(
        IFS=$'\n'
        COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD="$COMP_CWORD" _MAMCTL_COMPLETE=bash_complete "$1" 2>/dev/null
    )
}
complete -o nosort -F _mamctl_completion mamctl 2>/dev/null || complete -F _mamctl_completion mamctl
"""

ZSH: Final = r"""#compdef mamctl
# mamctl completion for zsh: eval "$(mamctl completion zsh)", or a file _mamctl on your fpath
_mamctl() {
    local -a told plain open response
    local kind value help line="${(F)words}" position=$((CURRENT-1))
    response=("${(@f)$(COMP_WORDS=$line COMP_CWORD=$position _MAMCTL_COMPLETE=zsh_complete ${words[1]} 2>/dev/null)}")
    for kind value help in "${response[@]}"; do
        if [[ $kind == file ]]; then
            _files && return
        elif [[ $value == *= ]]; then
            open+=("$value")
        elif [[ $help == _ ]]; then
            plain+=("$value")
        else
            told+=("${value//:/\\:}:$help")
        fi
    done
    [[ ${#told} -gt 0 ]] && _describe -V unsorted told
    [[ ${#plain} -gt 0 ]] && compadd -V unsorted -a plain
    [[ ${#open} -gt 0 ]] && compadd -V unsorted -S '' -a open
    (( ${#told} + ${#plain} + ${#open} ))
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _mamctl "$@"
else
    compdef _mamctl mamctl
fi
"""

FISH: Final = r"""# mamctl completion for fish: mamctl completion fish | source
function _mamctl_completion
    set -l before (commandline -opc)
    set -lx COMP_WORDS (string join \n -- $before | string collect)
    set -lx COMP_CWORD (commandline -ct | string collect)
    set -lx _MAMCTL_COMPLETE fish_complete
    for line in ($before[1] 2>/dev/null)
        set -l parts (string split -m 1 , -- $line)
        if test "$parts[1]" = file
            __fish_complete_path (commandline -ct)
        else
            echo $parts[2]
        end
    end
end
complete --no-files --keep-order --command mamctl --arguments '(_mamctl_completion)'
"""

SCRIPTS: Final = {"bash": BASH, "zsh": ZSH, "fish": FISH}
