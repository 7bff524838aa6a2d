# Weir for the side-by-side benchmark: one process, embedded log (or Kafka with WEIR_BENCH_FLAGS), default
# settings. Sourced by bench.sh, which gives $RUN; WEIR_ROOT is this checkout.
P=18090
SRV_DATA=$RUN/data/weir
SRV_READY=http://127.0.0.1:$P/ready
SRV_CMD=(env UV_THREADPOOL_SIZE=8 node ${WEIR_NODE_FLAGS:-} "$WEIR_ROOT/apps/weir/dist/main.js" -target=all -data-dir="$SRV_DATA"
  -server.http-listen-address=127.0.0.1 -server.http-listen-port=$P -auth.multitenancy-enabled=false ${WEIR_BENCH_FLAGS:-})
srv_flush() { # ships every head as blocks; the log is truncated after
  curl -sS -m 900 -XPOST "http://127.0.0.1:$P/ingester/flush?wait=true"
  echo "{\"bytes\": $(du -sb --exclude=__weir "$SRV_DATA/blocks" | cut -f1), \"all_bytes\": $(du -sb "$SRV_DATA" | cut -f1)}"
}
