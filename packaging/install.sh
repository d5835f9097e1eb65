#!/bin/sh
# Installs docker-credential-ecrx from the archive of a release, for one user, without root.
# SHA256SUMS of the release must list the archive with the sum that it has.
#
# There is no public address of releases yet, so --base-url or --from is required:
#   --base-url  the folder of a server that holds one folder per version: BASE_URL/VERSION/SHA256SUMS;
#   --from      a folder of this machine with the files of one release.
#
# usage: install.sh --base-url URL [--version VERSION] [--prefix FOLDER]
#        install.sh --from FOLDER [--version VERSION] [--prefix FOLDER]
#        install.sh --uninstall [--prefix FOLDER]
set -eu

base_url=${ECRX_BASE_URL-}
from=
version=0.1.0
prefix=${HOME:+$HOME/.local}
action=install

program=docker-credential-ecrx
# Everything that an installation wrote, relative to the prefix; folders end in `/`.
list=share/doc/$program/installed-files

say() {
    printf 'install.sh: %s\n' "$*" >&2
}

fail() {
    say "$@"
    exit 1
}

usage() {
    sed -n 's/^# usage: /usage: /p; s/^#        install/       install/p' "$0" >&2
    exit 2
}

has() {
    command -v "$1" >/dev/null 2>&1
}

while [ $# -gt 0 ]; do
    case $1 in
    --base-url | --from | --version | --prefix)
        [ $# -gt 1 ] || usage
        case $1 in
        --base-url) base_url=$2 ;;
        --from) from=$2 ;;
        --version) version=${2#v} ;;
        --prefix) prefix=$2 ;;
        esac
        shift 2
        ;;
    --uninstall)
        action=uninstall
        shift
        ;;
    *) usage ;;
    esac
done

target() {
    case "$(uname -s) $(uname -m)" in
    "Linux x86_64") echo x86_64-unknown-linux-gnu ;;
    "Linux aarch64") echo aarch64-unknown-linux-gnu ;;
    *) fail "there is no archive for $(uname -sm). Build the program with cargo: see README.md" ;;
    esac
}

# Downloads the file $1 to $2, within 15 minutes.
download() {
    if has curl; then
        curl --fail --silent --show-error --location --proto-redir =https \
            --connect-timeout 20 --speed-time 30 --speed-limit 1 --max-time 900 \
            --output "$2" "$1"
    elif has wget; then
        # BusyBox 1.35, as in Debian 12, crashes with -T.
        timeout 900 wget -q -t 2 -O "$2" "$1"
    else
        fail "needs curl or wget. Install one of them"
    fi || fail "cannot download $1. Check --base-url and --version"
}

check_base_url() {
    case $base_url in
    https://* | http://127.0.0.1[:/]* | http://localhost[:/]*) ;;
    '') fail "there is no public address of releases yet. Give the address of yours with --base-url" ;;
    *) fail "--base-url must begin with https://: anyone on the network could change http" ;;
    esac
}

# Copies or downloads the file $1 of the release to $work.
get() {
    if [ -n "$from" ]; then
        cp "$from/$1" "$work/$1" || fail "cannot copy $from/$1. Check --from and --version"
    else
        download "$release/$1" "$work/$1"
    fi
}

# Gets the archive, checks it, and unpacks it to $work/$name.
fetch() {
    [ -n "$from" ] || check_base_url
    case $version in
    '' | *[!0-9A-Za-z.+-]*) fail "\`$version\` is not a version. Expected for example 0.1.0" ;;
    esac
    name=$program-$version-$(target)
    archive=$name.tar.gz
    has sha256sum || fail "needs sha256sum, to check the archive. Install coreutils"
    release=${from:-${base_url%/}/$version}
    get SHA256SUMS
    expected=$(awk -v name="$archive" '$2 == name { print $1 }' "$work/SHA256SUMS")
    [ -n "$expected" ] || fail "$release/SHA256SUMS does not list $archive"
    get "$archive"
    found=$(sha256sum "$work/$archive" | cut -d ' ' -f 1)
    [ "$found" = "$expected" ] ||
        fail "$release/$archive is damaged: its SHA-256 is $found instead of $expected. Nothing was installed"
    gzip -dc "$work/$archive" | tar -xf - -C "$work"
    "$work/$name/$program" version >/dev/null ||
        fail "the program of $archive does not run on this machine. Nothing was installed"
}

# Prints "FILE OF THE ARCHIVE<tab>its place below the prefix".
places() {
    (
        cd "$work/$name"
        printf '%s\tbin/%s\n' "$program" "$program"
        for page in man/*; do
            printf '%s\tshare/man/man%s/%s\n' "$page" "${page##*.}" "${page##*/}"
        done
        printf 'completions/%s\tshare/%s\n' \
            "$program.bash" "bash-completion/completions/$program" \
            "_$program" "zsh/site-functions/_$program" \
            "$program.fish" "fish/vendor_completions.d/$program.fish"
        for text in *.md *.toml LICENSE* THIRD-PARTY*; do
            printf '%s\tshare/doc/%s/%s\n' "$text" "$program" "$text"
        done
    )
}

# Prints the folders that do not exist yet for the files of stdin.
missing_folders() {
    while read -r file; do
        folder=$file
        while
            folder=${folder%/*}
            [ ! -d "$prefix/$folder" ] && echo "$folder/"
            [ "$folder" != "${folder%/*}" ]
        do :; done
    done | LC_ALL=C sort -u
}

# Removes these files, then the folders that are empty, inner ones first.
remove() {
    grep -v '/$' "$1" | while read -r file; do
        rm -f "$prefix/$file"
    done
    grep '/$' "$1" | LC_ALL=C sort -r | while read -r folder; do
        rmdir "$prefix/${folder#./}" 2>/dev/null || :
    done
}

install() {
    [ -d "$prefix" ] || echo ./ >"$work/folders"
    nearest=$prefix
    while [ ! -e "$nearest" ]; do
        nearest=$(dirname "$nearest")
    done
    if [ ! -d "$nearest" ] || [ ! -w "$nearest" ]; then
        fail "cannot write to $prefix. Choose another folder with --prefix"
    fi
    fetch
    places >"$work/places"
    cut -f 2 "$work/places" >"$work/files"
    echo "$list" >>"$work/files"
    missing_folders <"$work/files" >>"$work/folders"
    touch "$work/old"
    [ ! -f "$prefix/$list" ] || cp "$prefix/$list" "$work/old"
    { grep '/$' "$work/old" || :; } | LC_ALL=C sort -u - "$work/folders" "$work/files" >"$work/new"

    # The list comes first, so that an interrupted installation can be uninstalled.
    mkdir -p "$prefix/${list%/*}"
    LC_ALL=C sort -u "$work/old" "$work/new" >"$prefix/$list"
    while IFS='	' read -r from to; do
        mkdir -p "$prefix/${to%/*}"
        # A running program cannot be overwritten, but it can be replaced.
        unfinished=$prefix/$to.new
        cp "$work/$name/$from" "$unfinished"
        mv -f "$unfinished" "$prefix/$to"
    done <"$work/places"
    grep -vxF -f "$work/new" "$work/old" >"$work/gone" || :
    remove "$work/gone"
    cp "$work/new" "$prefix/$list"

    say "installed $program $version in $prefix"
    case :$PATH: in
    *":$prefix/bin:"*) ;;
    *) say "add $prefix/bin to PATH, so that clients find the program" ;;
    esac
    say "to configure docker, run: $program configure-docker HOST"
}

uninstall() {
    [ -f "$prefix/$list" ] || fail "nothing is installed in $prefix by this script"
    cp "$prefix/$list" "$work/old"
    remove "$work/old"
    say "removed $program from $prefix. Docker's configuration, config.toml and cached tokens are kept"
}

[ -n "$prefix" ] || fail "HOME is not set. Choose a folder with --prefix"
unfinished=
work=$(mktemp -d)
trap 'rm -rf "$work" "$unfinished"' EXIT
trap 'exit 1' HUP INT TERM
$action
