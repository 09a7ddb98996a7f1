#!/bin/sh
# Make the secrets that deploy/compose.yaml mounts, each with a password of its own; existing ones are kept.
#
#   deploy/docker/secrets.sh [FOLDER]      FOLDER: beside this script without one
#
# The folder is for you alone (0700). The files in it are readable (0644) because compose binds them as they are and the
# processes that read them in their containers are other users; nobody else reaches them through the folder.
set -eu
umask 077

folder=${1:-$(cd "$(dirname "$0")" && pwd)/secrets}
mkdir -p "$folder"
chmod 700 "$folder"

random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

# write FILE: standard input becomes FILE, whole or not at all
write() {
  cat > "$folder/.$1.part"
  chmod 644 "$folder/.$1.part"
  mv "$folder/.$1.part" "$folder/$1"
  echo "wrote $folder/$1"
}

if [ -e "$folder/preread.toml" ]; then
  echo "kept what is in $folder"
  exit 0
fi

postgres=$(random)
redis=$(random)
printf '%s' "$postgres" | write postgres_password
printf 'requirepass %s\n' "$redis" | write redis.conf
printf '{"RegisteredUsers": {"preread": "%s"}}\n' "$(random)" | write orthanc.secret.json
write preread.toml <<TOML
# What only preread's own processes may know. Every other setting is in the environment of compose.yaml.
database = "postgresql+pg8000://preread:$postgres@postgres:5432/preread"
broker = "redis://:$redis@redis:6379/0"
TOML
