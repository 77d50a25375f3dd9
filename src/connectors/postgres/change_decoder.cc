#include "connectors/postgres/change_decoder.h"

#include <algorithm>
#include <utility>

#include "connectors/postgres/big_endian.h"
#include "connectors/postgres/schema_drift.h"
#include "connectors/postgres/wire_time.h"

namespace weir::postgres {
namespace {

using connector::TableStop;
using pgoutput::Body;
using pgoutput::Kind;

std::chrono::system_clock::time_point time_of(int64_t microseconds) {
  return std::chrono::system_clock::time_point(std::chrono::microseconds(microseconds));
}

TableStop stop_of(const Error& error) {
  const std::string& hint = error.hint;
  return {std::string(describe(error.code).name) + ": " + error.message,
          (hint.empty() ? "" : hint + "; then ") + "POST /v1/connectors/{id}/resync?table=…"};
}

std::unexpected<Error> unexpected_message(char kind) {
  return fail(ErrorCode::internal,
              std::string("the source sent message '") + kind + "' where it has no place (protocol error; report it)");
}

}  // namespace

ChangeDecoder::ChangeDecoder(std::vector<FollowedTable> known, Lsn from, const connector::GroupLimits& limits,
                             StreamedTransactions streamed, ChangeCatalog& catalog, HandOver hand_over)
    : limits_(limits),
      streamed_(std::move(streamed)),
      catalog_(catalog),
      hand_over_(std::move(hand_over)),
      position_(from),
      delivered_(from) {
  for (FollowedTable& table : known) {
    const uint32_t oid = table.source.oid;
    if (oid == 0) {
      unmet_.push_back(std::move(table));
    } else {
      tables_[oid] = {std::make_shared<FollowedTable>(std::move(table)), false};
    }
  }
}

Status ChangeDecoder::take(std::span<const char> message) {
  if (message.empty()) return unexpected_message(' ');
  const auto kind = static_cast<Kind>(message.front());
  const Body body = message.subspan(1);
  if (stream_xid_ != 0) return take_streamed(kind, body);
  switch (kind) {
    case Kind::begin: {
      const auto parsed = WEIR_TRY(pgoutput::parse_begin(body));
      if (in_transaction_) return unexpected_message(message.front());
      begin(parsed.commit, parsed.committed_at, parsed.xid);
      return {};
    }
    case Kind::commit:
      if (!in_transaction_) return unexpected_message(message.front());
      return end(WEIR_TRY(pgoutput::parse_commit(body)));
    case Kind::stream_start:
      if (in_transaction_) return unexpected_message(message.front());
      stream_xid_ = WEIR_TRY(pgoutput::parse_stream_start(body)).xid;
      return {};
    case Kind::stream_commit:
      return commit_streamed(WEIR_TRY(pgoutput::parse_stream_commit(body)));
    case Kind::stream_abort: {
      const auto abort = WEIR_TRY(pgoutput::parse_stream_abort(body));
      return streamed_.abort(abort.xid, abort.subtransaction);
    }
    case Kind::relation:
      WEIR_TRY(announce(body));
      return apply(kind, body);
    default:
      return apply(kind, body);
  }
}

/// Between Stream Start and Stop: changes wait for the commit, each with the number of its subtransaction in front.
Status ChangeDecoder::take_streamed(Kind kind, Body body) {
  switch (kind) {
    case Kind::stream_stop:
      stream_xid_ = 0;
      return {};
    case Kind::relation:
    case Kind::insert:
    case Kind::update:
    case Kind::remove:
    case Kind::truncate:
      break;
    case Kind::type:
    case Kind::origin:
    case Kind::message:
      return {};
    default:
      return unexpected_message(static_cast<char>(kind));
  }
  if (body.size() < sizeof(uint32_t)) return unexpected_message(static_cast<char>(kind));
  const auto subtransaction = load_big_endian<uint32_t>(body.data());
  const Body rest = body.subspan(sizeof subtransaction);
  if (kind == Kind::relation) WEIR_TRY(announce(rest));
  return streamed_.add(stream_xid_, subtransaction, kind, rest);
}

Status ChangeDecoder::announce(Body body) {
  if (body.size() < sizeof(uint32_t)) return unexpected_message(static_cast<char>(Kind::relation));
  announced_[load_big_endian<uint32_t>(body.data())].assign(body.begin(), body.end());
  return {};
}

Status ChangeDecoder::replay(Kind kind, Body body, bool is_aborted) {
  if (!is_aborted) return apply(kind, body);
  skipped_[load_big_endian<uint32_t>(body.data())].assign(body.begin(), body.end());
  return {};
}

/// A row of the table comes, and nothing has described it since the description that was rolled back.
Status ChangeDecoder::recall_relation(uint32_t oid) {
  const auto found = skipped_.extract(oid);
  return found ? take_relation(WEIR_TRY(pgoutput::parse_relation(found.mapped()))) : Status();
}

/// What was rolled back in the transaction that ends holds on, unless the source has described the table anew.
void ChangeDecoder::forget_outdated_relations() {
  std::erase_if(skipped_, [&](const auto& one) { return announced_[one.first] != one.second; });
}

Status ChangeDecoder::apply(Kind kind, Body body) {
  switch (kind) {
    case Kind::insert:
    case Kind::update:
    case Kind::remove:
      return take_row(kind, body);
    case Kind::relation:
      return describe_table(body);
    case Kind::truncate:
      return take_truncate(WEIR_TRY(pgoutput::parse_truncate(body)));
    case Kind::type:
    case Kind::origin:
    case Kind::message:
      return {};
    default:
      return unexpected_message(static_cast<char>(kind));
  }
}

void ChangeDecoder::begin(Lsn commit, int64_t committed_at, uint32_t xid) {
  in_transaction_ = true;
  xid_ = xid;
  stamp_.commit = commit;
  stamp_.committed_at = committed_at + kEpochMicroseconds;
  stamp_.next = 0;
}

Status ChangeDecoder::end(const pgoutput::Commit& commit) {
  in_transaction_ = false;
  position_ = std::max(position_, commit.end);
  committed_at_ = commit.committed_at + kEpochMicroseconds;
  transactions_++;
  group_transactions_++;
  return is_partial_ || is_full() ? hand_over(/*complete=*/true) : Status();
}

Status ChangeDecoder::commit_streamed(const pgoutput::StreamCommit& commit) {
  if (in_transaction_) return unexpected_message('c');
  begin(commit.commit.commit, commit.commit.committed_at, commit.xid);
  WEIR_TRY(streamed_.commit(commit.xid,
                            [this](Kind kind, Body body, bool is_aborted) { return replay(kind, body, is_aborted); }));
  forget_outdated_relations();
  return end(commit.commit);
}

/// The transaction at hand is in the table's copy from its beginning: the table may have looked otherwise then.
bool ChangeDecoder::precedes_copy(uint32_t oid) const {
  const auto found = tables_.find(oid);
  return found != tables_.end() && found->second.followed && stamp_.commit < found->second.followed->source.since;
}

Status ChangeDecoder::describe_table(Body body) {
  const pgoutput::Relation relation = WEIR_TRY(pgoutput::parse_relation(body));
  if (precedes_copy(relation.oid)) {
    skipped_[relation.oid].assign(body.begin(), body.end());
    return {};
  }
  skipped_.erase(relation.oid);
  return take_relation(relation);
}

Status ChangeDecoder::take_relation(const pgoutput::Relation& relation) {
  auto found = tables_.find(relation.oid);
  if (found == tables_.end()) found = tables_.emplace(relation.oid, WEIR_TRY(meet(relation))).first;
  Entry& entry = found->second;
  if (entry.has_ended) return {};
  Drift drift = WEIR_TRY(drift_of(*entry.followed, relation));
  if (drift.stop) {
    end_table(relation.oid, std::move(*drift.stop));
    return {};
  }
  entry.followed = std::move(drift.next);
  if (!drift.change) return {};
  began_to_gather();
  gatherer_.add(relation.oid, std::move(*drift.change));
  return {};
}

Result<Drift> ChangeDecoder::drift_of(const FollowedTable& known, const pgoutput::Relation& relation) {
  if (!is_unchanged(known, relation)) {
    const auto facts = WEIR_TRY(catalog_.table(relation.oid, xid_));
    return compare(known, relation, facts ? &*facts : nullptr);
  }
  const auto numbers = WEIR_TRY(catalog_.column_numbers(relation.oid, xid_));
  if (auto stop = find_replaced(known, numbers)) return Drift{nullptr, {}, std::move(stop)};
  Drift drift = compare(known, relation, nullptr);
  return drift.next ? with_storage(std::move(drift.next), numbers) : std::move(drift);
}

/// A table whose number was not known: one that the copy knows by name only, one that took the name of such a one, or
/// one that was published later.
Result<ChangeDecoder::Entry> ChangeDecoder::meet(const pgoutput::Relation& relation) {
  const plan::TableName name{relation.schema, relation.name};
  const auto unmet = std::ranges::find_if(unmet_, [&](const FollowedTable& one) { return one.table->name == name; });
  if (unmet != unmet_.end()) {
    FollowedTable table = std::move(*unmet);
    unmet_.erase(unmet);
    table.source.oid = relation.oid;
    return Entry{std::make_shared<FollowedTable>(std::move(table)), false};
  }
  for (auto& [oid, entry] : tables_) {
    if (entry.followed == nullptr || entry.followed->table->name != name) continue;
    if (!entry.has_ended) {
      end_table(oid, {"table_dropped", "another table has its name by now: POST /v1/connectors/{id}/resync?table=…"});
    }
    return Entry{nullptr, true};
  }
  const auto facts = WEIR_TRY(catalog_.table(relation.oid, xid_));
  if (!facts) return Entry{nullptr, true};
  auto candidate = judge(*facts);
  if (!candidate.table || candidate.table->name != name) return Entry{nullptr, true};
  FollowedTable table = known_table(std::move(candidate.table), &*facts);
  table.source.since = {};
  return Entry{std::make_shared<FollowedTable>(std::move(table)), false};
}

Status ChangeDecoder::take_row(Kind kind, Body body) {
  WEIR_TRY(pgoutput::parse_row(kind, body, row_));
  if (precedes_copy(row_.relation)) return {};
  if (!skipped_.empty()) WEIR_TRY(recall_relation(row_.relation));
  events_++;
  const auto found = tables_.find(row_.relation);
  if (found == tables_.end() ||
      (found->second.followed && found->second.followed->relation.oid == 0 && !found->second.has_ended)) {
    return fail(ErrorCode::internal,
                "the source sent a row of a table that it had not described (protocol error; "
                "report it)");
  }
  if (found->second.has_ended) return {};
  began_to_gather();
  if (Status added = gatherer_.add_row(found->second.followed, row_, stamp_); !added) {
    end_table(row_.relation, stop_of(added.error()));
    return {};
  }
  return is_full() ? hand_over(/*complete=*/false) : Status();
}

Status ChangeDecoder::take_truncate(const pgoutput::Truncate& truncate) {
  for (const uint32_t oid : truncate.relations) {
    if (precedes_copy(oid)) continue;
    WEIR_TRY(recall_relation(oid));
    const auto found = tables_.find(oid);
    if (found == tables_.end() || found->second.has_ended || !found->second.followed) continue;
    events_++;
    began_to_gather();
    gatherer_.add(oid, connector::Truncation{found->second.followed->table, std::string(stamp_.take()),
                                             time_of(stamp_.committed_at)});
  }
  return {};
}

void ChangeDecoder::end_table(uint32_t oid, TableStop stop) {
  Entry& entry = tables_[oid];
  entry.has_ended = true;
  began_to_gather();
  gatherer_.add(oid, connector::TableEnd{entry.followed->table->name, std::move(stop)});
}

void ChangeDecoder::began_to_gather() {
  if (!gathering_since_) gathering_since_ = Clock::now();
}

bool ChangeDecoder::is_full() const {
  return gatherer_.rows() >= limits_.rows_max || gatherer_.bytes() >= limits_.bytes_max;
}

void ChangeDecoder::advance(Lsn end, int64_t sent_at) {
  if (in_transaction_ || end <= position_) return;
  position_ = end;
  committed_at_ = std::max(committed_at_, sent_at + kEpochMicroseconds);
}

std::optional<ChangeDecoder::Clock::time_point> ChangeDecoder::due() const {
  if (in_transaction_ || !gathering_since_) return std::nullopt;
  return *gathering_since_ + limits_.age_max;
}

Status ChangeDecoder::flush() {
  if (in_transaction_) return {};
  return hand_over(/*complete=*/true);
}

Status ChangeDecoder::hand_over(bool complete) {
  connector::ChangeGroup group;
  group.complete = complete;
  group.rows = gatherer_.rows();
  group.bytes = gatherer_.bytes();
  std::vector<ChangeGatherer::Failure> failures;
  group.changes = WEIR_TRY(gatherer_.take(catalog_, failures));
  for (ChangeGatherer::Failure& failure : failures) {
    Entry& entry = tables_[failure.oid];
    if (std::exchange(entry.has_ended, true)) continue;
    group.changes.emplace_back(connector::TableEnd{entry.followed->table->name, stop_of(failure.error)});
  }
  if (complete) group.position = to_position(position_);
  group.committed_at = time_of(complete ? committed_at_ : stamp_.committed_at);
  group.transactions = std::exchange(group_transactions_, 0);
  gathering_since_.reset();
  is_partial_ = !complete;
  if (complete) delivered_ = position_;
  return hand_over_(std::move(group));
}

}  // namespace weir::postgres
