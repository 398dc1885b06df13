// What shells run behind TAB: they hand the words to `berth __complete` and show what it answers. They
// know nothing of verbs and flags themselves, so they do not grow old.

enum Shell: String, CaseIterable {
  case bash
  case zsh
  case fish

  /// - Parameter descriptions: whether the offered words come with what they are.
  func script(descriptions: Bool) -> String {
    let text =
      switch self {
      case .bash: bashScript
      case .zsh: zshScript
      case .fish: fishScript
      }
    if descriptions { return text }
    return text.split(separator: "__complete ", omittingEmptySubsequences: false)
      .joined(separator: "__completeNoDesc ")
  }
}

private let bashScript = #"""
  # bash completion for berth, as `berth completion bash` prints it.

  _berth() {
    local line=${COMP_LINE:0:COMP_POINT} words=() word glue i
    # bash takes words apart at colons and equals signs; here they are put together again.
    for ((i = 0; i <= COMP_CWORD; i++)); do
      glue=$((i > 0))
      while [[ $line == [[:blank:]]* ]]; do
        line=${line#?} glue=0
      done
      word=${COMP_WORDS[i]}
      ((i < COMP_CWORD)) || word=$line
      line=${line#"$word"}
      if ((glue)); then
        words[${#words[@]} - 1]+=$word
      else
        words+=("$word")
      fi
    done

    local program=${words[0]} raw=${words[${#words[@]} - 1]} answer
    words=("${words[@]//[\\\"\']/}")
    [[ $program != "~/"* ]] || program=$HOME/${program#??}
    answer=$("$program" __complete "${words[@]:1}" 2>/dev/null) || return 0
    local directive=${answer##*:}
    [[ $directive == +([0-9]) ]] || return 0
    answer=${answer%:*}

    # What stands before the last of these signs is a word of its own to bash.
    local current=${words[${#words[@]} - 1]} kept="" lead="" sign
    if [[ $current == -*=* ]]; then
      [[ $COMP_WORDBREAKS == *=* ]] || lead=${current%%=*}=
      current=${current#*=}
    fi
    for sign in : =; do
      if [[ $COMP_WORDBREAKS == *"$sign"* && $current == *"$sign"* ]]; then
        word=${current%"${current##*"$sign"}"}
        ((${#word} <= ${#kept})) || kept=$word
      fi
    done

    local offered=() described=() width=0 value about
    if ((!(directive & 24))); then
      while IFS=$'\t' read -r value about; do
        [[ -n $value && $value == "$current"* ]] || continue
        value=${value#"$kept"}
        [[ $raw == [\"\']* || $value != *[!A-Za-z0-9_./:=@%+,-]* ]] || printf -v value %q "$value"
        offered+=("$lead$value")
        described+=("$about")
        ((${#value} <= width)) || width=${#value}
      done <<<"$answer"
    fi
    if ((!(directive & 4))); then
      compopt -o filenames 2>/dev/null
      _berth_files "$directive" "${current#"$kept"}" "$lead" "$answer"
    fi
    if ((${#offered[@]} == 1)); then
      [[ ${offered[0]} != *[:/=] ]] || compopt -o nospace 2>/dev/null
    elif ((COMP_TYPE == 63 || COMP_TYPE == 33 || COMP_TYPE == 64)); then
      for i in "${!offered[@]}"; do
        [[ -z ${described[i]:-} ]] ||
          printf -v "offered[$i]" '%-*s  (%.*s)' "$width" "${offered[i]}" \
            "$((${COLUMNS:-80} > width + 9 ? ${COLUMNS:-80} - width - 5 : 4))" "${described[i]}"
      done
    fi
    COMPREPLY=("${offered[@]}")
  }

  # Adds names of files that begin with $2: of folders alone, or those that end as the lines of $4 say.
  _berth_files() {
    local kind=-f path
    ((!($1 & 16))) || kind=-d
    while IFS= read -r path; do
      if (($1 & 8)) && [[ ! -d $path && $'\n'$4 != *$'\n'"${path##*.}"$'\n'* ]]; then
        continue
      fi
      offered+=("$3$path")
    done < <(compgen "$kind" -- "$2")
  }

  complete -F _berth berth

  """#

private let zshScript = #"""
  #compdef berth
  # zsh completion for berth, as `berth completion zsh` prints it.

  _berth() {
    local -a lines plain open
    local answer directive line value entry program=${(Q)words[1]}
    [[ $program != "~/"* ]] || program=$HOME/${program#??}
    answer=$("$program" __complete "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null) || return 1
    lines=("${(@f)answer}")
    directive=${lines[-1]#:}
    [[ $directive == <-> ]] || return 1
    lines[-1]=()
    [[ $PREFIX != -*=* ]] || compset -P 1 '*='

    if ((directive & 16)); then
      _files -/
      return
    elif ((directive & 8)); then
      _files -g "*.(${(j:|:)lines})(-.)"
      return
    fi
    for line in $lines; do
      value=${line%%$'\t'*}
      entry=${value//:/\\:}
      [[ $line != *$'\t'* ]] || entry+=:${line#*$'\t'}
      case $value in
        *[:/=]) open+=("$entry") ;;
        *) plain+=("$entry") ;;
      esac
    done
    local found=1
    ((!$#plain)) || { _describe -V berth plain && found=0 }
    ((!$#open)) || { _describe -V 'berth paths' open -S '' && found=0 }
    ((directive & 4)) || { _files && found=0 }
    return found
  }

  if [[ $funcstack[1] == _berth ]]; then
    _berth "$@"
  else
    compdef _berth berth
  fi

  """#

private let fishScript = #"""
  # fish completion for berth, as `berth completion fish` prints it.

  function __berth_complete
      set -l words (commandline -opc)
      set -l word (commandline -ct | string unescape)
      set -l program (string replace -r '^~/' "$HOME/" -- $words[1])
      set -l lines ($program __complete $words[2..-1] "$word" 2>/dev/null)
      set -l directive (string match -rg '^:([0-9]+)$' -- $lines[-1])
      or return
      set -e lines[-1]
      set -l lead (string match -r '^-[^=]*=' -- "$word")
      if test (math "bitand($directive, 16)") -ne 0
          __fish_complete_directories (string replace -- "$lead" '' "$word")
      else if test (math "bitand($directive, 8)") -ne 0
          set -l endings (string join '|' -- '/' '\.'$lines)
          __fish_complete_path (string replace -- "$lead" '' "$word") |
              string match -r -- "^.*(?:$endings)(?:\t.*)?\$"
      else
          for line in $lines
              echo -- "$lead$line"
          end
          if test (math "bitand($directive, 4)") -eq 0
              __fish_complete_path (string replace -- "$lead" '' "$word")
          end
      end
  end

  complete -c berth -f -k -a '(__berth_complete)'

  """#
