/// The Arrow form of an answer (docs/rest-api.md), decoded piece by piece as it arrives.
#pragma once

#include <memory>
#include <string_view>

#include "base/result.h"
#include "cli/session.h"

namespace weir::cli {

/// Memory is bounded by the largest batch.
class AnswerDecoder {
 public:
  explicit AnswerDecoder(AnswerSink& sink);
  ~AnswerDecoder();

  /// The next piece, cut anywhere. Errors: those of the sink, server_unreachable when it is no Arrow stream.
  Status take(std::string_view piece);
  /// After the last piece. Errors: the one that the server put into the trailer; server_unreachable when the answer has
  /// no trailer, so that its end is missing.
  Status finish();

 private:
  class Listener;
  std::shared_ptr<Listener> listener_;
  struct Decoder;
  std::unique_ptr<Decoder> decoder_;
  bool begun_ = false;
};

}  // namespace weir::cli
