/// Transactions that the source sends while they are in progress: their messages wait here for the commit, in memory up
/// to a limit and in files beyond it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "base/result.h"
#include "connectors/postgres/pgoutput_message.h"

namespace weir::postgres {

/// One thread. No file stays open between calls. Errors: disk_full, io_error.
class StreamedTransactions {
 public:
  /// Makes `directory`, and removes what is in it.
  static Result<StreamedTransactions> open(std::filesystem::path directory, uint64_t memory_max_bytes);
  StreamedTransactions(StreamedTransactions&&) = default;
  StreamedTransactions& operator=(StreamedTransactions&&) = delete;
  ~StreamedTransactions();

  /// A message (kind and body) of a subtransaction; that of the transaction itself has its number.
  Status add(uint32_t xid, uint32_t subtransaction, pgoutput::Kind kind, pgoutput::Body body);
  /// The subtransaction is rolled back; when it is the transaction itself, everything goes.
  Status abort(uint32_t xid, uint32_t subtransaction);

  using Replay = std::function<Status(pgoutput::Kind kind, pgoutput::Body body, bool is_aborted)>;
  /// The messages of a transaction that was committed, in order; forgets it, also when `replay` fails. Of what was
  /// rolled back only the descriptions of tables come, with `is_aborted`: the source does not repeat them.
  Status commit(uint32_t xid, const Replay& replay);

  uint64_t memory_bytes() const { return memory_bytes_; }
  uint64_t spilled_bytes() const { return spilled_bytes_; }
  bool has(uint32_t xid) const { return transactions_.contains(xid); }

 private:
  struct Transaction {
    std::string memory;  ///< what came last, framed
    uint64_t file_bytes = 0;
    std::set<uint32_t> aborted;
  };

  StreamedTransactions(std::filesystem::path directory, uint64_t memory_max_bytes)
      : directory_(std::move(directory)), memory_max_bytes_(memory_max_bytes) {}
  std::filesystem::path file_of(uint32_t xid) const;
  Status spill_largest();
  void forget(uint32_t xid);

  std::filesystem::path directory_;
  uint64_t memory_max_bytes_;
  std::map<uint32_t, Transaction> transactions_;
  uint64_t memory_bytes_ = 0;
  uint64_t spilled_bytes_ = 0;
};

}  // namespace weir::postgres
