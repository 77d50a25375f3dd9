#include "connectors/postgres/postgres_change_stream.h"

#include <algorithm>
#include <new>
#include <utility>

#include "connectors/postgres/source_catalog.h"

namespace weir::postgres {
namespace {

using connector::ChangeGroup;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// Groups that wait for the consumer.
constexpr size_t kQueueItemsMax = 4;
constexpr uint64_t kQueueBytesMin = 16u << 20;

/// The source hears from us so often at least, and so soon after something was confirmed.
constexpr milliseconds kStatusEvery{10'000};
constexpr milliseconds kConfirmEvery{100};
/// How long the reader's thread sleeps without looking at what was confirmed.
constexpr milliseconds kWaitMax{100};
/// A position without changes is handed over so often at most.
constexpr milliseconds kIdleEvery{3'000};
/// But so soon when the source asks: one that shuts down waits until its end is confirmed.
constexpr milliseconds kPressedEvery{50};
/// Sending a status takes no longer while the connection stands.
constexpr milliseconds kSendMax{10'000};
/// Messages between looks at the clock.
constexpr int kMessagesPerLook = 256;

}  // namespace

/// Everything that the reader's thread holds.
class PostgresChangeStream::Reader {
 public:
  Reader(PostgresChangeStream& stream, ReplicationConnection& replication, StreamOrder order)
      : stream_(stream),
        replication_(replication),
        waiter_(stream.stop_.get_token()),
        catalog_(stream.context_, waiter_),
        received_(order.from),
        decoder_(std::move(order.known), order.from, order.limits, std::move(order.streamed), catalog_,
                 [this](ChangeGroup group) { return hand_over(std::move(group)); }) {}

  Status run() {
    int until_look = kMessagesPerLook;
    for (;;) {
      const CopyMessage message = WEIR_TRY(replication_.message());
      switch (message.state) {
        case CopyMessage::State::row:
          bytes_ += message.length;
          WEIR_TRY(take(message.bytes()));
          if (--until_look > 0) continue;
          break;
        case CopyMessage::State::wait:
          WEIR_TRY(wait());
          break;
        case CopyMessage::State::end:
          return fail(replication_.why_ended(waiter_));
      }
      until_look = kMessagesPerLook;
      if (waiter_.stopped()) return fail(ErrorCode::cancelled, "the stream was cancelled");
      WEIR_TRY(look_at_the_clock());
    }
  }

 private:
  Status take(std::span<const char> message) {
    heard_at_ = steady_clock::now();
    if (message.front() == 'w') {
      const auto data = WEIR_TRY(pgoutput::parse_wal_data(message.subspan(1)));
      received_ = std::max(received_, data.start);
      source_end_ = std::max(source_end_, data.server_end);
      return decoder_.take(data.payload);
    }
    if (message.front() != 'k') return {};
    const auto alive = WEIR_TRY(pgoutput::parse_keep_alive(message.subspan(1)));
    received_ = std::max(received_, alive.server_end);
    source_end_ = std::max(source_end_, alive.server_end);
    decoder_.advance(alive.server_end, alive.sent_at);
    is_pressed_ = is_pressed_ || alive.reply_now;
    return alive.reply_now ? send_status(false) : Status();
  }

  Status wait() {
    auto until = steady_clock::now() + kWaitMax;
    if (const auto due = decoder_.due()) until = std::min(until, *due);
    WEIR_TRY(replication_.receive(waiter_, until));
    return {};
  }

  /// What time alone brings about.
  Status look_at_the_clock() {
    const auto now = steady_clock::now();
    // A consumer that is behind gets more at once rather than more often.
    const auto due = decoder_.due();
    const bool is_due = due && now >= *due && stream_.waiting_groups_ == 0;
    const auto idle_every = is_pressed_ || stream_.is_hurried_ ? kPressedEvery : kIdleEvery;
    const bool is_idle = !due && decoder_.has_news() && now - handed_over_at_ >= idle_every;
    if (is_due || is_idle) {
      is_pressed_ = false;
      stream_.is_hurried_ = false;
      WEIR_TRY(decoder_.flush());
    }
    publish_stats();
    return keep_alive();
  }

  Status keep_alive() {
    const auto now = steady_clock::now();
    const auto silence = now - heard_at_;
    if (silence >= stream_.limits_.silence_max) {
      return fail(ErrorCode::source_connection_lost,
                  "nothing came from the source for " + std::to_string(stream_.limits_.silence_max.count()) + " ms");
    }
    if (silence >= stream_.limits_.silence_max / 2 && now - asked_at_ >= stream_.limits_.silence_max / 4) {
      asked_at_ = now;
      return send_status(true);
    }
    const Lsn confirmed{stream_.confirmed_};
    const bool is_news = confirmed != told_ && now - told_at_ >= kConfirmEvery;
    return is_news || now - told_at_ >= kStatusEvery ? send_status(false) : Status();
  }

  Status send_status(bool reply_now) {
    told_ = Lsn{stream_.confirmed_};
    told_at_ = steady_clock::now();
    return replication_.send_status(received_, told_, reply_now, waiter_, told_at_ + kSendMax);
  }

  /// Waits for room in the queue, but not so long that the source takes us for dead.
  Status hand_over(ChangeGroup group) {
    const uint64_t bytes = group.bytes;
    const auto& stop = waiter_.token();
    publish_stats();
    while (!stream_.queue_.wait_for_room(bytes, stop, steady_clock::now() + kWaitMax)) {
      if (waiter_.stopped()) return fail(ErrorCode::cancelled, "the stream was cancelled");
      heard_at_ = steady_clock::now();  // nobody listens
      WEIR_TRY(keep_alive());
    }
    stream_.waiting_groups_++;
    if (!stream_.queue_.push(std::move(group), bytes, stop)) {
      return fail(ErrorCode::cancelled, "the stream was cancelled");
    }
    handed_over_at_ = steady_clock::now();
    return keep_alive();
  }

  void publish_stats() {
    const auto counters = decoder_.counters();
    const std::lock_guard lock(stream_.mutex_);
    connector::StreamStats& stats = stream_.stats_;
    stats.received = to_position(received_);
    stats.source_end = to_position(source_end_);
    stats.heard_at = heard_at_;
    stats.bytes = bytes_;
    stats.transactions = counters.transactions;
    stats.events = counters.events;
    stats.spilled_bytes = counters.spilled_bytes;
  }

  PostgresChangeStream& stream_;
  ReplicationConnection& replication_;
  Waiter waiter_;
  SourceCatalog catalog_;
  Lsn received_, source_end_;
  Lsn told_;
  uint64_t bytes_ = 0;
  bool is_pressed_ = false;  ///< the source waits for an answer
  steady_clock::time_point heard_at_ = steady_clock::now(), told_at_{}, asked_at_{},
                           handed_over_at_ = steady_clock::now();
  ChangeDecoder decoder_;
};

PostgresChangeStream::PostgresChangeStream(std::shared_ptr<const ChangeContext> context,
                                           std::unique_ptr<ReplicationConnection> replication, StreamOrder order)
    : context_(std::move(context)),
      limits_(order.limits),
      queue_({.bytes_max = std::max(2 * limits_.bytes_max, kQueueBytesMin), .items_max = kQueueItemsMax}),
      confirmed_(order.from.value) {
  stats_.heard_at = steady_clock::now();
  auto held = std::make_shared<std::pair<std::unique_ptr<ReplicationConnection>, StreamOrder>>(std::move(replication),
                                                                                               std::move(order));
  thread_ = std::jthread([this, held] {
    Status ended;
    try {
      Reader reader(*this, *held->first, std::move(held->second));
      ended = reader.run();
    } catch (const std::bad_alloc&) {
      ended = fail(ErrorCode::out_of_memory, "no memory for the changes of the source");
    } catch (const std::exception& error) {
      ended = fail(ErrorCode::internal, std::string("reading changes failed unexpectedly: ") + error.what());
    }
    held->first.reset();
    if (ended) return;
    ended.error().source = context_->connector;
    queue_.fail(std::move(ended.error()));
  });
}

PostgresChangeStream::~PostgresChangeStream() {
  cancel();
  thread_.join();
}

Result<std::optional<ChangeGroup>> PostgresChangeStream::next(milliseconds wait) {
  const auto deadline = steady_clock::now() + wait;
  for (;;) {
    BoundedQueue<ChangeGroup>::OnReady on_ready;
    {
      const std::lock_guard lock(mutex_);
      is_ready_ = false;
      if (!std::exchange(is_asked_, true)) {
        on_ready = [this] {
          const std::lock_guard ready_lock(mutex_);
          is_ready_ = true;
          is_asked_ = false;
          arrived_.notify_all();
        };
      }
    }
    const bool asks = static_cast<bool>(on_ready);
    auto popped = queue_.try_pop(std::move(on_ready));
    if (!popped || popped->state != BoundedQueue<ChangeGroup>::State::pending) {
      const std::lock_guard lock(mutex_);
      if (asks) is_asked_ = false;
      if (!popped) return fail(std::move(popped.error()));
      waiting_groups_--;
      return std::move(popped->item);
    }
    std::unique_lock lock(mutex_);
    if (!arrived_.wait_until(lock, deadline, [this] { return is_ready_; })) return std::nullopt;
  }
}

void PostgresChangeStream::confirm(const connector::Position& position) {
  const auto lsn = lsn_at(position);
  if (!lsn) return;
  // Never backwards.
  uint64_t before = confirmed_;
  while (before < lsn->value && !confirmed_.compare_exchange_weak(before, lsn->value)) {
  }
}

void PostgresChangeStream::cancel() {
  stop_.request_stop();
  queue_.cancel();
}

connector::StreamStats PostgresChangeStream::stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

}  // namespace weir::postgres
