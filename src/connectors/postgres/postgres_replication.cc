#include "connectors/postgres/postgres_replication.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <libpq-fe.h>

#include "connectors/postgres/big_endian.h"
#include "connectors/postgres/wire_time.h"

namespace weir::postgres {
namespace {

using std::chrono::steady_clock;

/// Streaming of transactions in progress, and binary values.
constexpr int kOldestVersion = 140000;
/// Options of CREATE_REPLICATION_SLOT in parentheses.
constexpr int kFirstVersionWithSlotOptions = 150000;

/// A source of little patience would end us while we wait for a cast, or for room for what it sent. Not more than
/// needed: after a silent loss it keeps the slot for so long.
constexpr const char* kLongerPatience =
    "SELECT set_config(name, '30s', false) FROM pg_settings "
    "WHERE name = 'wal_sender_timeout' AND setting::int8 BETWEEN 1 AND 29999";

constexpr auto kSlotRetry = std::chrono::milliseconds(100);

/// Reads that follow each other so closely are a stream; a lone transaction is read at once.
constexpr auto kBusyGap = std::chrono::milliseconds(2);
constexpr size_t kWorthReadingBytes = 64 << 10;
constexpr auto kPause = std::chrono::microseconds(800);

/// Microseconds since 2000, of the real clock.
int64_t now_on_the_wire() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count() - kEpochMicroseconds;
}

bool contains(const Error& error, std::string_view part) { return error.message.find(part) != std::string::npos; }

/// What is being done when the source refuses it.
enum class Step : uint8_t { open, create, start, stream };

Error missing_slot(const std::string& slot) {
  return {ErrorCode::replication_slot_missing, "the replication slot is gone on the source: " + slot, {}, {}};
}
Error missing_log(const std::string& slot) {
  return {
      ErrorCode::replication_slot_missing, "the source has dropped what the replication slot needs: " + slot, {}, {}};
}

/// The source's refusals of replication statements, by their SQLSTATE.
Error refusal(Error error, Step step, const std::string& slot) {
  const bool begins = step == Step::start || step == Step::stream;
  if (contains(error, "SQLSTATE 42710")) {
    return {ErrorCode::already_exists, "the replication slot exists already: " + slot, {}, {}};
  }
  if (contains(error, "SQLSTATE 42501")) {
    return {ErrorCode::source_permission_denied,
            "the source's user lacks the attribute REPLICATION",
            "ALTER ROLE … REPLICATION (on a managed service its own role, for example rds_replication)",
            {}};
  }
  if (step == Step::start && contains(error, "SQLSTATE 42704")) return missing_slot(slot);
  if (step == Step::stream && contains(error, "SQLSTATE 42704") && contains(error, "publication")) {
    // The source reads its catalogs as of each change: one made while there was no publication is never sent.
    return {ErrorCode::sync_data_loss,
            "the publication was dropped on the source, and changes were made without it: " + slot,
            "POST /v1/connectors/{id}/resync?table=… copies the tables anew",
            {}};
  }
  if (begins && contains(error, "SQLSTATE 58P01")) return missing_log(slot);
  if (contains(error, "SQLSTATE 55000") && (contains(error, "invalidated") || contains(error, "cannot read from"))) {
    return missing_log(slot);
  }
  if (contains(error, "SQLSTATE 55000") && contains(error, "wal_level")) {
    return {ErrorCode::source_not_prepared,
            "wal_level is not 'logical' on the source",
            "set wal_level = logical in postgresql.conf and restart the source",
            {}};
  }
  if (contains(error, "SQLSTATE 53400")) {
    return {ErrorCode::source_not_prepared,
            "all replication slots of the source are in use",
            "raise max_replication_slots on the source, or drop slots that nobody uses",
            {}};
  }
  if (contains(error, "SQLSTATE 53300")) {
    return {ErrorCode::source_not_prepared,
            "all replication connections of the source are in use",
            "raise max_wal_senders on the source",
            {}};
  }
  if (contains(error, "SQLSTATE 55006")) {
    return {ErrorCode::replication_slot_in_use, "another connection reads from the replication slot: " + slot, {}, {}};
  }
  return error;
}

}  // namespace

Result<std::unique_ptr<ReplicationConnection>> ReplicationConnection::open(ConnectionParameters parameters,
                                                                           Waiter& waiter, Deadline deadline) {
  parameters.keywords.emplace_back("replication", "database");
  auto connection = Connection::open(parameters, {}, waiter, deadline);
  if (!connection) return fail(refusal(std::move(connection.error()), Step::open, {}));
  const ServerFacts& server = (*connection)->server();
  if (server.version_number < kOldestVersion) {
    return fail(ErrorCode::not_available_yet,
                "this version of PostgreSQL is too old for a live copy: " + server.version,
                "Weir follows version 14 and later");
  }
  if (server.in_recovery) {
    return fail(ErrorCode::source_not_prepared, "the source is a standby: it cannot be followed",
                "register the primary for the live copy");
  }
  // What fails here shows soon enough.
  static_cast<void>((*connection)->run(kLongerPatience, waiter, deadline));
  (*connection)->read_ahead();
  return std::unique_ptr<ReplicationConnection>(new ReplicationConnection(std::move(*connection)));
}

Result<NewSlot> ReplicationConnection::create_slot(const std::string& name, bool temporary, Waiter& waiter,
                                                   Deadline deadline) {
  const bool has_options = connection_->server().version_number >= kFirstVersionWithSlotOptions;
  auto results = connection_->run(
      fmt::format("CREATE_REPLICATION_SLOT {}{} LOGICAL pgoutput {}", quote_identifier(name),
                  temporary ? " TEMPORARY" : "", has_options ? "(SNAPSHOT 'export')" : "EXPORT_SNAPSHOT"),
      waiter, deadline);
  if (!results) {
    Error error = refusal(std::move(results.error()), Step::create, name);
    if (error.code == ErrorCode::timeout) {
      error.message = "the source did not make the replication slot in time: " + name;
      error.hint =
          "a slot waits for all transactions that were open when it was asked for: end long ones on the source";
    }
    return fail(std::move(error));
  }
  const pg_result* row = results->at(0).get();
  const auto point = lsn_of(text_at(row, 0, 1));
  if (!point)
    return fail(ErrorCode::internal, "the source gave no position for its new slot (protocol error; report it)");
  return NewSlot{*point, text_at(row, 0, 2)};
}

Status ReplicationConnection::start(const ReplicationStart& start, Waiter& waiter, Deadline deadline) {
  const std::string text = fmt::format(
      "START_REPLICATION SLOT {} LOGICAL {} (proto_version '2', publication_names {}, binary 'true', streaming 'on', "
      "messages 'true')",
      quote_identifier(start.slot), to_text(start.from), quote_literal(quote_identifier(start.publication)));
  for (;;) {
    const Status begun = connection_->begin_copy_both(text, waiter, deadline);
    if (begun) {
      slot_ = start.slot;
      return {};
    }
    Error error = refusal(begun.error(), Step::start, start.slot);
    // The source may not have noticed yet that the connection before is gone.
    const bool again = error.code == ErrorCode::replication_slot_in_use && steady_clock::now() + kSlotRetry < deadline;
    if (!again) return fail(std::move(error));
    if (waiter.pause(kSlotRetry) == Waiter::Outcome::stopped)
      return fail(ErrorCode::cancelled, "the stream was cancelled");
  }
}

Error ReplicationConnection::why_ended(Waiter& waiter) {
  const auto result = connection_->next_result(waiter, steady_clock::now() + std::chrono::seconds(1));
  if (!result) return result.error();
  if (*result != nullptr) {
    const Status status = connection_->check(result->get());
    if (!status) {
      return refusal(status.error(), Step::stream, slot_);
    }
  }
  return {ErrorCode::source_connection_lost, "the source ended the stream of changes", {}, {}};
}

Result<bool> ReplicationConnection::receive(Waiter& waiter, Deadline deadline) {
  const bool is_busy = steady_clock::now() - received_at_ < kBusyGap;
  if (is_busy && connection_->bytes_waiting() < kWorthReadingBytes) waiter.pause(kPause);
  const Status received = connection_->receive_all(waiter, deadline);
  if (received) {
    received_at_ = steady_clock::now();
    return true;
  }
  if (received.error().code == ErrorCode::timeout) return false;
  return fail(received.error());
}

Status ReplicationConnection::send_status(Lsn received, Lsn confirmed, bool reply_now, Waiter& waiter,
                                          Deadline deadline) {
  std::array<char, 34> message{};
  message[0] = 'r';
  store_big_endian(&message[1], std::max(received, confirmed).value);
  store_big_endian(&message[9], confirmed.value);
  store_big_endian(&message[17], confirmed.value);
  store_big_endian(&message[25], static_cast<uint64_t>(now_on_the_wire()));
  message[33] = reply_now ? 1 : 0;
  return connection_->put_copy(message, waiter, deadline);
}

}  // namespace weir::postgres
