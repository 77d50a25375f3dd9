/// Flags of all commands that ask a server: where it is and which token to send.
#pragma once

#include <string>

#include <CLI/App.hpp>

#include "base/result.h"
#include "cli/http_client.h"

namespace weir::cli {

class ServerAccess {
 public:
  /// Declares --url and --token-file. The object must outlive the parsing.
  void declare(CLI::App& command);
  /// The URL comes from --url, else from WEIR_URL, else it is this machine's default.
  /// The token comes from --token-file, else from the environment variable WEIR_TOKEN; never from an argument, because
  /// other users see those. Errors: io_error, invalid_option.
  Result<ServerAddress> address() const;

 private:
  std::string url_, token_file_;
};

/// The first word of the first line that is no comment, so that a line of the server's own token file does too.
/// Errors: io_error, invalid_option when there is none.
Result<std::string> read_token(const std::string& file);

}  // namespace weir::cli
