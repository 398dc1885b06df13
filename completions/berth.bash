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
