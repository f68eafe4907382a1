# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Completion of vfio-early for bash. Commands and options are the program's own: it is asked for
# its --help, so that there is no second list of them.

_vfio_early_commands()
{
	"$1" --help 2>/dev/null | sed -n 's/^  \([a-z][a-z-]*\)  .*/\1/p'
}

_vfio_early_options()
{
	"$1" "$2" --help 2>/dev/null | sed -n 's/^  \(..[, ] \)\{0,1\} *\(--[a-z-]*\).*/\2/p'
}

_vfio_early_columns()
{
	"$1" list --help 2>/dev/null | sed -n '/^Columns:/,/^$/s/^\(Columns:\)\{0,1\}//p' |
		tr '[:upper:]' '[:lower:]'
	echo all
}

# The devices of the machine in --root, without bridges; with "listed" those that have a line.
_vfio_early_devices()
{
	local root=/ i

	for ((i = 1; i < COMP_CWORD; i++)); do
		[ "${COMP_WORDS[i]}" != --root ] || root=${COMP_WORDS[i + 1]}
	done
	"$1" list --root "$root" --columns LINE,ADDRESS 2>/dev/null |
		sed -n "s/^${2:+[^ ]}.*  *\\([0-9a-f]*:[0-9a-f:.]*\\)\$/\\1/p"
}

# What an option of that name takes, or an argument of that command.
_vfio_early_values()
{
	case $2 in
	--with) echo functions group ;;
	--allow) echo boot-display in-use ;;
	--driver) echo vfio-pci auto ;;
	--kernel | image) ls /lib/modules 2>/dev/null ;;
	help) _vfio_early_commands "$1" ;;
	list | show | add | move | bind | release) _vfio_early_devices "$1" ;;
	remove | status) _vfio_early_devices "$1" listed ;;
	esac
}

_vfio_early()
{
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	local program=${COMP_WORDS[0]} command=${COMP_WORDS[1]} words done=

	# Addresses have colons, which bash takes for the ends of words.
	if declare -F _get_comp_words_by_ref >/dev/null; then
		_get_comp_words_by_ref -n : -c word -p before
	fi
	if [ "$COMP_CWORD" -eq 1 ]; then
		words="$(_vfio_early_commands "$program") help --help --version"
	elif [[ $before == --root || $before == --dest ]] ||
		[[ $command == capture && $word != -* ]]; then
		mapfile -t COMPREPLY < <(compgen -d -- "$word")
		return
	elif [[ $before == --output ]]; then
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
	elif [[ $before == -o || $before == --columns ]]; then
		words=$(_vfio_early_columns "$program")
		done=${word%"${word##*[,+]}"}
	elif [[ $word == -* ]]; then
		words=$(_vfio_early_options "$program" "$command")
	else
		words=$(_vfio_early_values "$program" "$before")
		if [[ -z $words && $command == @(audit|import) ]]; then
			mapfile -t COMPREPLY < <(compgen -f -- "$word")
			return
		fi
		[ -n "$words" ] || words=$(_vfio_early_values "$program" "$command")
	fi
	mapfile -t COMPREPLY < <(compgen -P "$done" -W "$words" -- "${word#"$done"}")
	if declare -F __ltrim_colon_completions >/dev/null; then
		__ltrim_colon_completions "$word"
	fi
}

complete -F _vfio_early vfio-early
