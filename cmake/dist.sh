#!/usr/bin/env bash
# dist.sh BUILD OUT: makes OUT/weir-<version>/ and its tar: the program with every library it needs but glibc's.
#   bin/weir, lib/*.so*, lib/weir/ducklake.duckdb_extension, LICENSE, README.md
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

build=$1 out=$2
version=$("$build/bin/weir" version | awk 'NR == 1 { print $2 }')
folder=$out/weir-$version

# glibc comes with the kernel's distribution and must match its loader; everything else travels with us.
of_glibc='^(linux-vdso|ld-linux-x86-64|libc|libm|libdl|libpthread|librt|libresolv|libutil|libanl|libnss_[a-z]+)\.so'

rm -rf "$folder" "$folder.tar.gz"
mkdir -p "$folder/lib/weir"
cmake --install "$build" --prefix "$folder" --strip >/dev/null
ldd "$build/bin/weir" | awk '$2 == "=>" && $3 ~ /^\// { print $1, $3 }' | grep -vE "$of_glibc" | while read -r name path; do
  install -m 644 "$(readlink -f "$path")" "$folder/lib/$name"
done
install -m 644 "$(readlink -f "$build/lib/weir/ducklake.duckdb_extension")" "$folder/lib/weir/"
install -m 644 LICENSE README.md "$folder/"
tar -C "$out" --sort=name --owner=0 --group=0 --numeric-owner -czf "$folder.tar.gz" "weir-$version"
du -sh "$folder" "$folder.tar.gz"
