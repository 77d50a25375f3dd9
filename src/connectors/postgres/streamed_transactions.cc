#include "connectors/postgres/streamed_transactions.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <span>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace weir::postgres {
namespace {

using pgoutput::Body;
using pgoutput::Kind;

/// In front of every message.
struct Frame {
  uint32_t subtransaction;
  uint32_t length;
  char kind;
};

constexpr size_t kReadBytes = 1 << 20;

Error file_error(const std::filesystem::path& file, const char* what, int number) {
  const bool full = number == ENOSPC || number == EDQUOT;
  return {full ? ErrorCode::disk_full : ErrorCode::io_error,
          std::string(what) + " " + file.string() + ": " + std::strerror(number),
          full ? "free space there: transactions in progress on the source wait in it" : "",
          {}};
}

class File {
 public:
  File(const std::filesystem::path& path, int flags) : number_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (number_ >= 0) ::close(number_);
  }
  int number() const { return number_; }
  /// False with errno set: what was written may not have been kept.
  bool close() { return ::close(std::exchange(number_, -1)) == 0; }

 private:
  int number_;
};

Status append_to(const std::filesystem::path& path, std::string_view bytes) {
  File file(path, O_WRONLY | O_CREAT | O_APPEND);
  if (file.number() < 0) return fail(file_error(path, "cannot open", errno));
  while (!bytes.empty()) {
    const ssize_t written = write(file.number(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail(file_error(path, "cannot write", errno));
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  if (!file.close()) return fail(file_error(path, "cannot write", errno));
  return {};
}

/// Cuts a sequence of bytes, which comes in pieces, into messages.
class Unframer {
 public:
  Unframer(const std::set<uint32_t>& aborted, const StreamedTransactions::Replay& replay)
      : aborted_(aborted), replay_(replay) {}

  Status take(std::string_view piece) {
    if (rest_.empty()) {
      const size_t used = WEIR_TRY(take_whole(piece));
      rest_.assign(piece.substr(used));
      return {};
    }
    rest_.append(piece);
    const size_t used = WEIR_TRY(take_whole(rest_));
    rest_.erase(0, used);
    return {};
  }
  bool is_done() const { return rest_.empty(); }

 private:
  /// Replays the messages that are there whole, and returns their bytes.
  Result<size_t> take_whole(std::string_view bytes) {
    size_t at = 0;
    for (;;) {
      Frame frame{};
      if (bytes.size() - at < sizeof frame) return at;
      std::memcpy(&frame, bytes.data() + at, sizeof frame);
      if (bytes.size() - at - sizeof frame < frame.length) return at;
      const Body body{bytes.data() + at + sizeof frame, frame.length};
      const auto kind = static_cast<Kind>(frame.kind);
      const bool is_aborted = aborted_.contains(frame.subtransaction);
      if (!is_aborted || kind == Kind::relation) WEIR_TRY(replay_(kind, body, is_aborted));
      at += sizeof frame + frame.length;
    }
  }

  const std::set<uint32_t>& aborted_;
  const StreamedTransactions::Replay& replay_;
  std::string rest_;
};

std::unexpected<Error> damaged(const std::filesystem::path& path) {
  return fail(ErrorCode::io_error, "a transaction that waits on disk is not as it was written: " + path.string());
}

/// Errors too when the file is not `size` bytes long.
Status read_file(const std::filesystem::path& path, uint64_t size, Unframer& unframer) {
  const File file(path, O_RDONLY);
  if (file.number() < 0) return fail(file_error(path, "cannot open", errno));
  std::string buffer(kReadBytes, '\0');
  for (uint64_t left = size;;) {
    const ssize_t got = read(file.number(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(file_error(path, "cannot read", errno));
    if (got == 0 && left == 0) return {};
    if (got == 0 || static_cast<uint64_t>(got) > left) return damaged(path);
    left -= static_cast<uint64_t>(got);
    WEIR_TRY(unframer.take({buffer.data(), static_cast<size_t>(got)}));
  }
}

}  // namespace

Result<StreamedTransactions> StreamedTransactions::open(std::filesystem::path directory, uint64_t memory_max_bytes) {
  std::error_code error;
  std::filesystem::remove_all(directory, error);
  if (!error) std::filesystem::create_directories(directory, error);
  if (error) return fail(file_error(directory, "cannot make", error.value()));
  return StreamedTransactions(std::move(directory), memory_max_bytes);
}

StreamedTransactions::~StreamedTransactions() {
  std::error_code ignored;
  if (!directory_.empty()) std::filesystem::remove_all(directory_, ignored);
}

std::filesystem::path StreamedTransactions::file_of(uint32_t xid) const { return directory_ / std::to_string(xid); }

Status StreamedTransactions::add(uint32_t xid, uint32_t subtransaction, Kind kind, Body body) {
  Transaction& transaction = transactions_[xid];
  const Frame frame{subtransaction, static_cast<uint32_t>(body.size()), static_cast<char>(kind)};
  transaction.memory.append(reinterpret_cast<const char*>(&frame), sizeof frame);
  transaction.memory.append(body.data(), body.size());
  memory_bytes_ += sizeof frame + body.size();
  while (memory_bytes_ > memory_max_bytes_) WEIR_TRY(spill_largest());
  return {};
}

Status StreamedTransactions::spill_largest() {
  const auto largest =
      std::ranges::max_element(transactions_, {}, [](const auto& entry) { return entry.second.memory.size(); });
  Transaction& transaction = largest->second;
  WEIR_TRY(append_to(file_of(largest->first), transaction.memory));
  transaction.file_bytes += transaction.memory.size();
  spilled_bytes_ += transaction.memory.size();
  memory_bytes_ -= transaction.memory.size();
  transaction.memory = std::string();
  return {};
}

Status StreamedTransactions::abort(uint32_t xid, uint32_t subtransaction) {
  if (xid == subtransaction) {
    forget(xid);
  } else if (const auto found = transactions_.find(xid); found != transactions_.end()) {
    found->second.aborted.insert(subtransaction);
  }
  return {};
}

Status StreamedTransactions::commit(uint32_t xid, const Replay& replay) {
  const auto found = transactions_.find(xid);
  if (found == transactions_.end()) return {};
  Unframer unframer(found->second.aborted, replay);
  Status status;
  if (found->second.file_bytes > 0) status = read_file(file_of(xid), found->second.file_bytes, unframer);
  if (status) status = unframer.take(found->second.memory);
  if (status && !unframer.is_done()) status = damaged(file_of(xid));
  forget(xid);
  return status;
}

void StreamedTransactions::forget(uint32_t xid) {
  const auto found = transactions_.find(xid);
  if (found == transactions_.end()) return;
  memory_bytes_ -= found->second.memory.size();
  spilled_bytes_ -= found->second.file_bytes;
  std::error_code ignored;
  if (found->second.file_bytes > 0) std::filesystem::remove(file_of(xid), ignored);
  transactions_.erase(found);
}

}  // namespace weir::postgres
