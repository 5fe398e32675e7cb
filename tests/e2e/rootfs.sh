# shellcheck shell=bash
# What run-in-container and run-in-vm share: building a root file system out of the programs this
# machine has. Source it from bash; it defines functions and does nothing else.

fail() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 125; }

# require PROGRAM...: stop with a sentence unless each can be run.
require() {
    local program
    for program; do
        command -v "$program" >/dev/null || fail "no $program here: run packaging/install-deps test"
    done
}

# become_root: start the calling script again through sudo when it is not root.
become_root() {
    ((EUID != 0)) || return 0
    command -v sudo >/dev/null || fail "needs root or sudo"
    exec sudo -n -- "$(realpath "$0")" "$@"
}

# make_root DIR: an empty root with merged /usr, two users, and every busybox applet as a program.
make_root() {
    local root=$1 dir
    mkdir -p "$root"/usr/{bin,sbin,lib,lib64} "$root"/{dev,proc,sys,tmp,etc,run}
    for dir in bin sbin lib lib64; do ln -s "usr/$dir" "$root/$dir"; done
    chmod 1777 "$root/tmp"
    cp "$(command -v busybox)" "$root/usr/bin/busybox"
    # Not "--install -s": it would have to run inside the root, where nothing is mounted yet.
    busybox --list | while read -r applet; do ln -s busybox "$root/usr/bin/$applet" 2>/dev/null || true; done
    printf 'root:x:0:0::/:/bin/sh\n' >"$root/etc/passwd"
    printf 'root:x:0:\n' >"$root/etc/group"
}

# add_libraries ROOT FILE: copy the shared objects the dynamic linker would load for FILE.
add_libraries() {
    local root=$1 library
    { ldd "$2" 2>/dev/null | grep -o '/[^ ():]*\.so[^ ():]*' || true; } | sort -u | while read -r library; do
        [[ -e $root$library ]] || { mkdir -p "$root${library%/*}" && cp -L "$library" "$root$library"; }
    done
}

# add_file ROOT SOURCE[:TARGET]: copy a file or a tree, with the libraries of each program in it.
add_file() {
    local root=$1 source=${2%%:*} target=${2#*:} program
    [[ -e $source ]] || fail "no such file: $source"
    [[ $2 == *:* ]] || target=$(realpath -s "$source")
    mkdir -p "$root${target%/*}"
    rm -rf "${root:?}$target"
    cp -rL --preserve=mode "$source" "$root$target"
    find "$root$target" -type f -perm -100 | while read -r program; do add_libraries "$root" "$program"; done
}

# add_command ROOT NAME: copy the host's program of that name unless the root has one.
add_command() {
    local path
    if [[ $2 == /* ]]; then [[ ! -e $1$2 ]] || return 0; else [[ ! -e $1/usr/bin/$2 ]] || return 0; fi
    path=$(command -v "$2") || return 0 # the command may be meant to be missing
    add_file "$1" "$(realpath "$path"):$path"
}
