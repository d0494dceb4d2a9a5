curl -X POST 'https://api.example.com/v1/runs/string/cancel' \
  -H 'Authorization: Bearer YOUR_API_TOKEN'
