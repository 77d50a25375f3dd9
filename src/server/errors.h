/// Errors and JSON as responses.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "base/error.h"
#include "server/http.h"

namespace weir::server {

/// {"code","message","hint","request_id"}, and "source" when the error came from a connector.
nlohmann::json error_object(const Error& error, const std::string& request_id);
/// {"error": …} with the status of the error table unless another one is given, and the header fields that go with it.
Response error_response(const Error& error, const std::string& request_id, int status = 0);
Response json_response(int status, const nlohmann::json& body);

/// The X-Request-ID that the client sent, when it is 1 to 128 letters, digits, '.', '_' or '-'; otherwise a new one.
std::string request_id_of(const Fields& fields);

}  // namespace weir::server
