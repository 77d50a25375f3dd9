#include "connectors/postgres/postgres_stream.h"

#include <algorithm>
#include <new>
#include <system_error>
#include <utility>

namespace weir::postgres {
namespace {

constexpr uint64_t kQueueBytesDefault = 16u << 20;
constexpr size_t kQueueItemsMax = 4096;
/// How often a read begins again because its table was rewritten just then.
constexpr int kAttemptsMax = 5;
/// A batch is at most this part of the queue, so that reading and consuming overlap.
constexpr uint64_t kBatchesPerQueue = 4;

DecodeLimits decode_limits(uint64_t queue_bytes, int streams_max) {
  DecodeLimits limits;
  const uint64_t share = queue_bytes / (kBatchesPerQueue * static_cast<uint64_t>(streams_max));
  limits.bytes_max = std::clamp<size_t>(share, 64u << 10, limits.bytes_max);
  return limits;
}

/// What `work` answers, with the exceptions of libraries as errors.
template <typename Work>
Status without_exceptions(const Work& work) {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::out_of_memory, "no memory for a read of the source");
  } catch (const std::exception& error) {
    return fail(ErrorCode::internal, std::string("a read of the source failed unexpectedly: ") + error.what());
  }
}

bool is_lost(const Status& status) { return !status && status.error().code == ErrorCode::source_connection_lost; }

}  // namespace

bool is_small(const plan::Scan& scan, const PostgresOptions& options) {
  const bool few_wanted = scan.limit && *scan.limit <= options.small_read_rows;
  // 0 is no estimate: such a read may be of any size.
  return few_wanted || (scan.estimated_rows > 0 && scan.estimated_rows <= options.small_read_rows);
}

PostgresStream::PostgresStream(std::shared_ptr<const ReadContext> context,
                               std::shared_ptr<SnapshotTransaction> transaction, plan::Scan scan,
                               const connector::ReadOptions& options)
    : context_(std::move(context)),
      transaction_(std::move(transaction)),
      scan_(std::move(scan)),
      statement_(render_select(scan_, std::nullopt)),
      small_(is_small(scan_, context_->options)),
      streams_max_(small_ || scan_.limit ? 1 : std::clamp(options.streams_max, 1, context_->options.scan_streams_max)),
      queue_bytes_(options.queue_bytes_max > 0 ? options.queue_bytes_max : kQueueBytesDefault),
      queue_({.bytes_max = queue_bytes_, .items_max = kQueueItemsMax}) {}

// Nothing below waits for the server: a reader that is stopped leaves its connection to the pool's janitor.
PostgresStream::~PostgresStream() {
  cancel();
  std::unique_lock lock(mutex_);
  thread_left_.wait(lock, [this] { return threads_ == 0; });
}

Status PostgresStream::start() {
  // A warm connection makes the server work while the reader's thread is only starting.
  const auto sent = std::make_shared<std::optional<Lease>>();
  if (transaction_ == nullptr) {
    *sent = context_->pool->try_idle();
    if (*sent) {
      sending(statement_.text);
      if (!(**sent)->send_now(statement_)) sent->reset();
    }
  }
  return launch([this, sent](Waiter& waiter) {
    return transaction_ == nullptr ? read_alone(std::move(*sent), waiter) : read_in_snapshot(waiter);
  });
}

/// Runs `work` on a thread of its own; the last one to end closes the queue. No exception leaves the thread.
Status PostgresStream::launch(std::function<Status(Waiter&)> work) {
  readers_++;
  {
    const std::lock_guard lock(mutex_);
    threads_++;
  }
  try {
    context_->threads->run([this, work = std::move(work)]() mutable {
      {
        Waiter waiter(stop_.get_token());
        finish(without_exceptions([&] { return work(waiter); }));
        work = nullptr;  // with what it holds of this read
      }
      leave();
    });
  } catch (const std::system_error& error) {
    readers_--;
    leave();
    return fail(ErrorCode::out_of_memory, std::string("cannot start a thread for a read: ") + error.what());
  }
  return {};
}

/// The last that a thread does here.
void PostgresStream::leave() {
  const std::lock_guard lock(mutex_);
  threads_--;
  thread_left_.notify_all();  // under the lock: afterwards this may be gone
}

void PostgresStream::finish(Status status) {
  if (!status) {
    Error error = std::move(status.error());
    error.source = context_->connector;
    if (error.code == ErrorCode::schema_drift) context_->schema->forget();
    queue_.fail(std::move(error));
    stop_.request_stop();
  }
  if (--readers_ > 0) return;
  transaction_.reset();
  queue_.close();
}

Status PostgresStream::read_alone(std::optional<Lease> sent, Waiter& waiter) {
  const bool is_sent = sent.has_value();
  Lease lease = is_sent ? std::move(*sent) : WEIR_TRY(context_->pool->acquire(waiter));
  BatchSink sink = make_sink();
  if (!is_sent) {
    sending(statement_.text);
    WEIR_TRY(lease->send_now(statement_));
  }
  Status status = read_small(*lease, sink, waiter);
  // The server may have closed the connection while it was idle, which shows only now. Nothing has been delivered.
  if (is_lost(status) && lease.was_reused() && sink.bytes_seen() == 0) {
    WEIR_TRY(lease.reopen(waiter));
    WEIR_TRY(lease->send_now(statement_));
    status = read_small(*lease, sink, waiter);
  }
  return status;
}

/// The statement has been sent.
Status PostgresStream::read_small(Connection& connection, BatchSink& sink, Waiter& waiter) {
  const auto known = context_->schema->peek();
  const auto oids = WEIR_TRY(expected_oids(scan_, known.get()));
  WEIR_TRY(read_select(connection, scan_, oids, sink, waiter));
  return sink.flush();
}

Status PostgresStream::read_in_snapshot(Waiter& waiter) {
  const SnapshotLease lease = WEIR_TRY(transaction_->acquire(waiter));
  if (!small_) return read_large(lease, waiter);
  // An expression over a column of another type could give another answer.
  if (scan_.query) WEIR_TRY(examine_settled(lease, waiter));
  BatchSink sink = make_sink();
  sending(statement_.text);
  WEIR_TRY(lease->send_now(statement_));
  return read_small(*lease, sink, waiter);
}

Status PostgresStream::read_large(const SnapshotLease& lease, Waiter& waiter) {
  const Layout layout = WEIR_TRY(examine_settled(lease, waiter));
  const bool is_split = WEIR_TRY(split(lease, layout, waiter));
  return is_split ? read_pieces(*lease, waiter) : read_whole(*lease, waiter);
}

/// A transaction that waited for a change of the table begins again behind it: its snapshot is from before.
Result<Layout> PostgresStream::examine_settled(const SnapshotLease& lease, Waiter& waiter) {
  for (int attempt = 1; attempt <= kAttemptsMax; attempt++) {
    Layout layout = WEIR_TRY(examine(*lease, scan_, waiter));
    if (!layout.rewritten) return layout;
    if (!WEIR_TRY(transaction_->begin_again(lease, waiter))) break;
  }
  return fail(ErrorCode::schema_drift,
              "a table was rewritten on the source while the query began: " + scan_.table.to_string());
}

/// Divides the read among this connection and as many others as the pool can spare. False: not worth it, or none.
Result<bool> PostgresStream::split(const SnapshotLease& lease, const Layout& layout, Waiter& waiter) {
  if (streams_max_ < 2 || layout.heaps.empty() || layout.bytes() < context_->options.split_read_mb << 20) return false;
  std::vector<Lease> places;
  while (static_cast<int>(places.size()) + 1 < streams_max_) {
    auto place = transaction_->try_spare();
    if (!place) break;
    places.push_back(std::move(*place));
  }
  if (places.empty()) return false;
  pieces_.snapshot = WEIR_TRY(transaction_->export_snapshot(lease, waiter));
  if (pieces_.snapshot.empty()) {
    // This connection reads alone. What was found out and locked may be gone with the transaction.
    WEIR_TRY(examine_settled(lease, waiter));
    return false;
  }
  pieces_.all = cut(layout.heaps, static_cast<int>(places.size()) + 1);
  for (Lease& place : places) {
    auto shared = std::make_shared<Lease>(std::move(place));
    // One that cannot be started is not missed: its pieces are read by the others.
    (void)launch([this, shared](Waiter& waiter) { return help(std::move(*shared), waiter); });
  }
  return true;
}

/// A further reader of a split read. That it cannot connect is no failure: the others read its pieces.
Status PostgresStream::help(Lease place, Waiter& waiter) {
  if (!SnapshotTransaction::import(place, pieces_.snapshot, waiter)) return {};
  return read_pieces(*place, waiter);
}

Status PostgresStream::read_pieces(Connection& connection, Waiter& waiter) {
  BatchSink sink = make_sink();
  plan::Scan part = scan_;
  {
    const std::lock_guard lock(mutex_);
    streams_++;
  }
  for (size_t i = pieces_.next++; i < pieces_.all.size(); i = pieces_.next++) {
    part.table = pieces_.all[i].table;
    const std::string text = render_copy(part, pieces_.all[i].range);
    sending(text);
    WEIR_TRY(read_copy(connection, text, sink, waiter));
  }
  return sink.flush();
}

Status PostgresStream::read_whole(Connection& connection, Waiter& waiter) {
  BatchSink sink = make_sink();
  const std::string text = render_copy(scan_, std::nullopt);
  sending(text);
  WEIR_TRY(read_copy(connection, text, sink, waiter));
  return sink.flush();
}

BatchSink PostgresStream::make_sink() {
  return {scan_, decode_limits(queue_bytes_, streams_max_), queue_, progress_, stop_.get_token()};
}

/// Remembers the first statement and the time of the first request.
void PostgresStream::sending(const std::string& text) {
  progress_.request_sent();
  const std::lock_guard lock(mutex_);
  if (remote_query_.empty()) remote_query_ = text;
}

Result<connector::BatchStream::Poll> PostgresStream::poll(std::function<void()> on_ready) {
  auto popped = WEIR_TRY(queue_.try_pop(std::move(on_ready)));
  switch (popped.state) {
    case BatchQueue::State::item:
      return Poll{State::batch, std::move(*popped.item)};
    case BatchQueue::State::pending:
      return Poll{State::pending, {}};
    case BatchQueue::State::end:
      break;
  }
  return Poll{State::end, {}};
}

void PostgresStream::cancel() {
  queue_.cancel();
  stop_.request_stop();
}

connector::ReadStats PostgresStream::stats() const {
  connector::ReadStats stats;
  stats.rows = progress_.rows();
  stats.bytes = progress_.bytes();
  stats.duration_ms = progress_.duration_ms();
  const std::lock_guard lock(mutex_);
  stats.remote_query = remote_query_;
  stats.streams = std::max(streams_, remote_query_.empty() ? 0 : 1);
  return stats;
}

int PostgresStream::parallelism() const { return streams_max_; }

}  // namespace weir::postgres
