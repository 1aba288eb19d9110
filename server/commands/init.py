"""`watersmeet init`: writes a configuration to begin with, every key commented, with fresh keys of its own."""

from __future__ import annotations

import argparse
import os
import secrets

from server.client.failure import CommandFailed

TEMPLATE = """\
# The configuration of watersmeet. `watersmeet check` validates it and connects to each source.
# In any string ${{ENV:NAME}} is an environment variable and ${{FILE:path}} a file's content; inside a URL the value
# must be percent-encoded. Paths are relative to the working directory. Commented values are the defaults.
version: 1

server:
  listen: "127.0.0.1:32010"     # 0.0.0.0:32010 for all interfaces
  # workers: 2                  # processes that run queries; 0: in the server's own
  # drain: 30s                  # how long running queries may take to end after SIGTERM
  # tls: {{cert: server.pem, key: server.key}}      # without it the port speaks plain text

# Each source becomes a catalog: sales.public.orders, crm.crm.customers, lake.main.events.
# Give the server a role of its own there that can only read.
sources: {{}}
#  sales: {{kind: postgres, url: "postgresql://reader:${{ENV:SALES_PASSWORD}}@db.example:5432/sales"}}
#  crm:   {{kind: mysql, url: "mysql://reader:${{FILE:/run/secrets/crm}}@db.example:3306/crm"}}
#  lake:  {{kind: duckdb, path: lake.duckdb}}

auth:
  tokens:
    issuer: watersmeet
    audience: watersmeet
    # roles_claim: roles
    # `watersmeet token create --subject ana` signs with the first key that can sign. Keep the file to yourself.
    keys:
      - {{kid: k1, algorithm: HS256, secret: "{token_key}"}}
  # users:                      # for clients that bring a name and a password
  #   - {{name: ana, password_hash: "$argon2id$…", roles: [analyst]}}
  # anonymous: false            # whether calls without credentials are let in

tickets:
  # Every replica needs the same keys: any of them serves what another one planned.
  keys:
    - {{kid: t1, secret: "{ticket_key}"}}
  # ticket_ttl: 15m
  # handle_ttl: 24h
  # deployment: shop           # replicas of another name take no tickets of these

# With this section everything that is not allowed is denied; without it whoever is authenticated reads everything.
# access:
#   roles:
#     analyst: {{allow: ["sales.*.*", "crm.crm.customers"]}}

limits: {{}}
#  memory: 4GiB                 # of all running statements
#  spill: 20GiB                 # disk for what does not fit
#  spill_dir: /var/tmp/watersmeet
#  running: 8                   # statements at once
#  queued: 64                   # statements that wait; more are refused
#  statement_timeout: 5m
#  sql_bytes: 1MiB
#  sql_depth: 200

planner: {{}}
#  pushdown: on                 # on | off | require
#  semijoin_keys: 200000        # keys of one source that may restrict what another sends
"""


def run(options: argparse.Namespace) -> int:
    content = TEMPLATE.format(token_key=secrets.token_urlsafe(32), ticket_key=secrets.token_urlsafe(32))
    try:
        # Its keys are for nobody else; a file that is there already is not ours to replace.
        with open(os.open(options.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(content)
    except FileExistsError:
        raise CommandFailed(f"WM-1005: {options.file} is there already: remove it or give another name") from None
    except OSError as error:
        raise CommandFailed(f"WM-1005: cannot write {options.file}: {(error.strerror or 'failed').lower()}") from None
    print(f"wrote {options.file}: name your sources there, then run watersmeet check -c {options.file}")
    return 0
