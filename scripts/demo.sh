#!/usr/bin/env bash
# Starts the fake Bitbucket with a made-up workspace and reads it as a new user would.

. "$(dirname "$0")/toolchain.sh"

demo=target/demo
rm -rf "$demo"
mkdir -p "$demo"

export BITBUCKET_WORKSPACE_TOKEN=ATCTT-a-token-of-the-demo
export BITBUCKET_ACCOUNT_EMAIL=admin@example.com
export BITBUCKET_API_TOKEN=ATATT-an-api-token-of-the-demo

# The token may not read permissions, as Atlassian's guide says: the account steps in for those.
FAKE_BITBUCKET_TOKEN=$BITBUCKET_WORKSPACE_TOKEN \
    FAKE_BITBUCKET_EMAIL=$BITBUCKET_ACCOUNT_EMAIL \
    FAKE_BITBUCKET_API_TOKEN=$BITBUCKET_API_TOKEN \
    target/release/fake-bitbucket --seed 1 --users 120 --groups 14 --projects 12 --repositories 250 \
    --latency-ms 20 --token-without-permissions --port-file "$demo/url" >"$demo/fake-bitbucket.log" 2>&1 &
fake=$!
trap 'kill $fake 2>/dev/null || true' EXIT
until [ -s "$demo/url" ]; do
    kill -0 $fake 2>/dev/null || { cat "$demo/fake-bitbucket.log" >&2; exit 1; }
    sleep 0.1
done

cat >"$demo/acme.toml" <<EOF
connector = "bitbucket"

[settings]
api_url = "$(cat "$demo/url")"
workspace = "acme"

[credentials.workspace-token]
token = { env = "BITBUCKET_WORKSPACE_TOKEN" }

[credentials.account]
username = { env = "BITBUCKET_ACCOUNT_EMAIL" }
password = { env = "BITBUCKET_API_TOKEN" }

[network]
allow_private_networks = true
allow_plain_http = true

[pace]
in_flight = 16
requests_per_hour = 0  # the made-up API allows any number
EOF

for command in check "run --out $demo/out"; do
    read -ra words <<<"$command"
    say "portcullis ${words[*]} --connector guest/bitbucket/connector.toml --connection $demo/acme.toml"
    target/release/portcullis "${words[@]}" --connector guest/bitbucket/connector.toml --connection "$demo/acme.toml"
done

say "the files are in $demo/out; the first relations:"
head -n 4 "$demo/out/entity_relations.csv"
