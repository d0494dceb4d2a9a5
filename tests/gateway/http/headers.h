#ifndef RUNSD_TESTS_GATEWAY_HTTP_HEADERS_H
#define RUNSD_TESTS_GATEWAY_HTTP_HEADERS_H

#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/gateway/support.h"

extern "C" {
#include "gateway/edge/header.h"
}

// Headers in memory of just their size, so that ASan sees a read behind them.
class Headers {
  public:
    Headers(std::initializer_list<std::pair<std::string, std::string>> list) {
        texts_.reserve(list.size() * 2);
        for (const auto &header : list) {
            texts_.push_back(std::make_unique<Exact>(header.first));
            texts_.push_back(std::make_unique<Exact>(header.second));
            items_.push_back({*texts_[texts_.size() - 2], *texts_.back()});
        }
    }
    operator struct http_headers() const {
        return {items_.data(), items_.size()};
    }

  private:
    std::vector<std::unique_ptr<Exact>> texts_;
    std::vector<struct http_header> items_;
};

#endif
