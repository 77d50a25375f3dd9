#include "engine/remote_scan_read.h"

namespace weir::engine {

using connector::BatchStream;

Result<std::unique_ptr<BatchStream>> SharedTransaction::read(connector::Source& source, int expected_reads,
                                                             const std::string& snapshot, const plan::Scan& scan,
                                                             const connector::ReadOptions& options) {
  const std::lock_guard lock(mutex_);
  if (!begun_) begun_ = snapshot.empty() ? source.begin(expected_reads) : source.begin_at(snapshot);
  if (!*begun_) return fail(begun_->error());
  return (**begun_)->read(scan, options);
}

std::shared_ptr<RemoteRead> RemoteRead::start(Federation& federation, std::shared_ptr<const ReadOrder> order,
                                              duckdb::shared_ptr<QueryContext> query, std::function<void()> on_change) {
  auto read =
      std::make_shared<RemoteRead>(Private{}, federation, std::move(order), std::move(query), std::move(on_change));
  if (read->query_) {
    auto status = read->query_->started(read->order_->record, read);
    if (!status) {
      read->remember(std::move(status.error()));
      return read;
    }
  }
  read->begin();
  return read;
}

RemoteRead::RemoteRead(Private, Federation& federation, std::shared_ptr<const ReadOrder> order,
                       duckdb::shared_ptr<QueryContext> query, std::function<void()> on_change)
    : federation_(federation),
      order_(std::move(order)),
      query_(std::move(query)),
      on_change_(std::move(on_change)),
      transaction_(query_ ? query_->transaction(order_->connector->id + order_->snapshot)
                          : std::make_shared<SharedTransaction>()) {}

void RemoteRead::begin() {
  auto opened = open();
  if (opened) {
    const std::lock_guard lock(mutex_);
    if (!error_) stream_ = std::move(*opened);
  } else {
    remember(std::move(opened.error()));
  }
}

Result<std::unique_ptr<BatchStream>> RemoteRead::open() {
  const auto& connector = *order_->connector;
  if (order_->snapshot.empty()) WEIR_TRY(federation_.desk().may_read_live(connector.name));
  auto options = federation_.read_options();
  options.partial = query_ && query_->takes_a_part();
  return transaction_->read(*connector.source, order_->expected_reads, order_->snapshot, order_->scan, options);
}

Result<BatchStream::Poll> RemoteRead::poll() {
  std::shared_ptr<BatchStream> stream;
  {
    const std::lock_guard lock(mutex_);
    if (error_) return fail(*error_);
    if (!stream_) return BatchStream::Poll{.state = BatchStream::State::pending, .batch = {}};
    stream = stream_;
  }
  auto polled = stream->poll([weak = weak_from_this()] {
    if (auto read = weak.lock()) read->on_change_();
  });
  if (!polled) return fail(remember(std::move(polled.error())));
  if (polled->state == BatchStream::State::end) {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  return polled;
}

Error RemoteRead::remember(Error error) {
  if (error.code == ErrorCode::schema_drift) order_->connector->source->forget_schema();
  if (error.source.empty()) error.source = order_->connector->name;
  const std::lock_guard lock(mutex_);
  if (!error_) error_ = std::move(error);
  return *error_;
}

void RemoteRead::cancel() {
  std::shared_ptr<BatchStream> stream;
  {
    const std::lock_guard lock(mutex_);
    if (finished_ || error_) return;
    stream = stream_;
    if (!stream) error_ = Error{ErrorCode::cancelled, "the query was cancelled", {}, order_->connector->name};
  }
  if (stream) stream->cancel();
  on_change_();
}

void RemoteRead::finish() {
  std::shared_ptr<BatchStream> stream;
  std::optional<Error> error;
  bool ended = false;
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(finished_, true)) return;
    stream = std::move(stream_);
    error = error_;
    ended = ended_;
  }
  connector::ReadStats stats;
  if (stream) {
    if (!ended) stream->cancel();
    stats = stream->stats();
  } else {
    stats.duration_ms =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - started_at_).count();
  }
  report(stats, error);
  // The stream joins its reader threads, and this may be one of them: the last reference to a DuckDB task, and with it
  // to its pipeline, can go away inside a wake-up.
  federation_.background().run([stream = std::move(stream), transaction = transaction_]() mutable {
    stream.reset();
    transaction.reset();
  });
}

uint64_t RemoteRead::rows() const {
  const std::lock_guard lock(mutex_);
  return stream_ ? stream_->stats().rows : 0;
}

void RemoteRead::report(const connector::ReadStats& stats, const std::optional<Error>& error) {
  const auto& name = order_->connector->name;
  order_->record->add(stats);
  if (stats.cut && query_) query_->was_cut(name);
  federation_.desk().record_scan(name, stats, error ? &*error : nullptr);
}

}  // namespace weir::engine
